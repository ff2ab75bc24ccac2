import { FactoryError } from '../../domain/errors.js';
import type { Image } from '../../openstack/types.js';
import { findCloudImage } from '../images/find-cloud-image.js';
import type { Deps } from '../shared/context.js';

/**
 * Finds the ISO image with a name or an id.
 * @throws FactoryError NotFound; InvalidTemplate when several images have the name; ImageFailed when the image is not
 *   active, or is not an ISO
 */
export async function findIsoImage(deps: Deps, cloud: string, name: string): Promise<Image> {
  const image = await findCloudImage(deps, cloud, name, 'InvalidTemplate');
  if (image.status === 'active' && image.disk_format === 'iso') return image;
  const state = image.status === 'active' ? `an image in format ${image.disk_format}` : image.status;
  throw new FactoryError('ImageFailed', `image ${name} is ${state}: a medium must be an active image in format iso`);
}
