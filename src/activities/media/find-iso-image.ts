import { FactoryError } from '../../domain/errors.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';

const SCHEME = /^glance:/i;

/** Whether a template's medium is an image in Glance (`glance:NAME`). */
export function isGlanceUrl(url: string): boolean {
  return SCHEME.test(url);
}

/** Returns the name or the id in a URL of the form `glance:NAME`. */
export function parseGlanceName(url: string): string {
  return url.replace(SCHEME, '').trim();
}

/**
 * Finds the ISO image with a name or an id.
 * @throws FactoryError NotFound; InvalidTemplate when several images have the name; ImageFailed when the image is not
 *   active, or is not an ISO
 */
export async function findIsoImage(deps: Deps, cloud: string, name: string): Promise<Image> {
  const { image: images } = deps.clouds.get(cloud);
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name);
  const byId = isId ? await images.getImage(name, { signal: cancellationSignal() }) : undefined;
  const found = byId === undefined ? await images.listImages({ name }, { signal: cancellationSignal() }) : [byId];
  const [image, ...others] = found;
  if (image === undefined) {
    throw new FactoryError(
      'NotFound',
      `cloud ${cloud} has no image ${JSON.stringify(name)} that this project can see`,
      {
        hint: 'openstack image list shows the images of the project',
      },
    );
  }
  if (others.length > 0) {
    const ids = found.map(({ id }) => id).join(', ');
    throw new FactoryError('InvalidTemplate', `${found.length} images of cloud ${cloud} are called ${name}`, {
      hint: `write the id of one of them instead of the name: ${ids}`,
    });
  }
  if (image.status === 'active' && image.disk_format === 'iso') return image;
  const state = image.status === 'active' ? `an image in format ${image.disk_format}` : image.status;
  throw new FactoryError('ImageFailed', `image ${name} is ${state}: a medium must be an active image in format iso`);
}
