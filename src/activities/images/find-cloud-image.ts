import { FactoryError, type ErrorType } from '../../domain/errors.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';

/**
 * Finds the only image with a name or an id that the project can see.
 *
 * @param ambiguous the type of the error when several images have the name: whose mistake it is
 * @throws FactoryError NotFound; `ambiguous`, with the ids of the images
 */
export async function findCloudImage(
  deps: Pick<Deps, 'clouds'>,
  cloud: string,
  name: string,
  ambiguous: ErrorType,
): Promise<Image> {
  const { image: images } = deps.clouds.get(cloud);
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name);
  const byId = isId ? await images.getImage(name, { signal: cancellationSignal() }) : undefined;
  const found = byId === undefined ? await images.listImages({ name }, { signal: cancellationSignal() }) : [byId];
  const [image, ...others] = found;
  if (image === undefined) {
    throw new FactoryError(
      'NotFound',
      `cloud ${cloud} has no image ${JSON.stringify(name)} that this project can see`,
      { hint: 'openstack image list shows the images of the project' },
    );
  }
  if (others.length > 0) {
    const ids = found.map(({ id }) => id).join(', ');
    throw new FactoryError(ambiguous, `${found.length} images of cloud ${cloud} are called ${name}`, {
      hint: `write the id of one of them instead of the name: ${ids}`,
    });
  }
  return image;
}
