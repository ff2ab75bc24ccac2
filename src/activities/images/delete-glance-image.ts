import { FactoryError } from '../../domain/errors.js';
import { type Deps, cancellationSignal } from '../shared/context.js';

/** Deletes an image, whether imagefactory created it or not. Returns whether it existed. */
export async function deleteGlanceImage(deps: Deps, cloud: string, imageId: string): Promise<boolean> {
  const { image } = deps.clouds.get(cloud);
  if ((await image.getImage(imageId, { signal: cancellationSignal() })) === undefined) return false;
  try {
    await image.deleteImage(imageId, { signal: cancellationSignal() });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
  }
  return true;
}
