import { KEYS } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { getExistingImage, updateImageProperties } from './image-properties.js';

/** Marks a JEOS as proven: an instance booted from it has answered over SSH. */
export async function markProven(deps: Deps, cloud: string, imageId: string): Promise<void> {
  const image = await getExistingImage(deps, cloud, imageId);
  if (image[KEYS.proven] === 'true') return;
  await updateImageProperties(deps, cloud, image, [{ op: 'add', path: `/${KEYS.proven}`, value: 'true' }]);
}
