import { FactoryError } from '../../domain/errors.js';
import { MARK } from '../../domain/names.js';
import type { Image, ImageChange } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/**
 * Property that Cinder adds to each image that it makes from a volume. We remove it, because Cinder cannot make a
 * volume from an image that has this property.
 */
const CINDER_PROPERTY = 'signature_verified';

/**
 * Builds the changes that give an image the `wanted` properties. They also remove the `stripped` properties, Cinder's
 * property and all of imagefactory's own properties, except those in `wanted`.
 */
export function buildPropertyChanges(image: Image, wanted: Record<string, string>, stripped: string[]): ImageChange[] {
  const ours = Object.keys(image).filter((name) => name.startsWith(`${MARK}_`));
  const unwanted = new Set(
    [...stripped, CINDER_PROPERTY, ...ours].filter((name) => image[name] !== undefined && !(name in wanted)),
  );
  const removed: ImageChange[] = [...unwanted].map((name) => ({ op: 'remove', path: `/${name}` }));
  const set: ImageChange[] = Object.entries(wanted)
    .filter(([name, value]) => image[name] !== value)
    .map(([name, value]) => ({ op: image[name] === undefined ? 'add' : 'replace', path: `/${name}`, value }));
  return [...removed, ...set];
}

export async function getExistingImage(deps: Deps, cloud: string, imageId: string): Promise<Image> {
  const image = await deps.clouds.get(cloud).image.getImage(imageId, { signal: cancellationSignal() });
  if (image !== undefined) return image;
  throw imageGoneError(imageId);
}

function imageGoneError(imageId: string, cause?: unknown): FactoryError {
  return new FactoryError('ImageFailed', `image ${imageId} is gone: it was deleted outside of the build`, { cause });
}

export async function updateImageProperties(
  deps: Deps,
  cloud: string,
  image: Image,
  changes: ImageChange[],
): Promise<Image> {
  if (changes.length === 0) return image;
  reportProgress({ message: `setting ${changes.length} properties of image ${image.id}` });
  try {
    return await deps.clouds.get(cloud).image.updateImage(image.id, changes, { signal: cancellationSignal() });
  } catch (error) {
    throw error instanceof FactoryError && error.type === 'NotFound' ? imageGoneError(image.id, error) : error;
  }
}
