import type { BuildRecord } from './record.js';
import { isImport } from './retry-command.js';
import { IMPORT_AGAIN } from './status.js';

/** Why no target image can be made from an image, and what the user can do. */
export interface UnusableBase {
  /** `unfinished`: the base image is still being built. */
  why: 'other kind' | 'unfinished' | 'failed';
  message: string;
  hint: string;
}

/** States of a base image that is still being built. */
const UNFINISHED = ['NEW', 'PENDING', 'BUILDING', 'HELD'];

/** Says why no target image can be made from an image. Returns undefined for a complete base image. */
export function explainUnusableBase(
  image: Pick<BuildRecord, 'identifier'> &
    Partial<Pick<BuildRecord, 'type' | 'status' | 'base_image_id' | 'template' | 'parameters'>>,
): UnusableBase | undefined {
  const { identifier: uuid, type = 'BaseImage', status = 'FAILED', base_image_id: parent } = image;
  if (type !== 'BaseImage') {
    return {
      why: 'other kind',
      message: `image ${uuid} is no base image, but a ${type}`,
      hint: `target images are made from base images, such as ${parent ?? 'those of imagefactory images'}`,
    };
  }
  if (status === 'COMPLETE') return undefined;
  if (UNFINISHED.includes(status)) {
    return {
      why: 'unfinished',
      message: `base image ${uuid} is still being built: it is ${status}`,
      hint: `imagefactory watch ${uuid} follows it; give this command again when it is complete`,
    };
  }
  return {
    why: 'failed',
    message: `base image ${uuid} is ${status}, not COMPLETE`,
    hint: isImport(image)
      ? `import the disk again: ${IMPORT_AGAIN}; then give this command with its new UUID`
      : `imagefactory resume ${uuid} continues its build; then give this command again`,
  };
}
