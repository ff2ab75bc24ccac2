import { parseDigest } from '../../domain/digest.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { ensureMedium } from '../media/ensure-medium.js';
import { deleteSpooled } from '../media/fetch-medium.js';
import type { GivenImage, PreparedImage } from './given-image.js';
import { cancellationSignal, type Deps } from '../shared/context.js';
import { checkGlanceImage } from './check-glance-image.js';
import { inspectDiskFile } from './inspect-disk-file.js';

/**
 * Finds the image that a build customises instead of a system that it installs. An image in Glance belongs to somebody
 * else: it is neither marked nor changed. A file is put into Glance once for all builds, as an install medium is.
 */
export async function prepareGivenImage(
  deps: Deps,
  { ref, given }: { ref: BuildRef; given: GivenImage },
): Promise<PreparedImage> {
  if (given.imageId === undefined) return uploadGivenImage(deps, ref, given);
  const image = await deps.clouds.get(ref.cloud).image.getImage(given.imageId, { signal: cancellationSignal() });
  if (image === undefined) {
    throw new FactoryError('ImageFailed', `image ${given.imageId} is gone: it was deleted after the plan was made`);
  }
  checkGlanceImage(image);
  return describeGivenImage(image, given);
}

async function uploadGivenImage(
  deps: Deps,
  ref: BuildRef,
  { source, checksum, ...given }: GivenImage,
): Promise<PreparedImage> {
  const digest = checksum === undefined ? undefined : parseDigest(checksum);
  const { image, ...spooled } = await ensureMedium(
    deps,
    { ref, method: undefined, inspect: (path) => inspectDiskFile(deps, ref.cloud, { path, source }) },
    { kind: 'disk', urls: [source], ...(digest === undefined ? {} : { digest }) },
  );
  await deleteSpooled(spooled);
  return describeGivenImage(image, { ...given, source });
}

/** No build marks an image of somebody else as proven. So a given image counts as proven from the beginning. */
export function describeGivenImage(image: Image, { source }: GivenImage): PreparedImage {
  const { os_hash_algo: algorithm, os_hash_value: value, checksum: md5 } = image;
  const digest = algorithm && value ? { algorithm, value } : md5 === null ? null : { algorithm: 'md5', value: md5 };
  const { min_disk: minDisk } = image;
  return {
    imageId: image.id,
    reused: true,
    proven: true,
    ...(minDisk === 0 ? {} : { minDisk }),
    given: { source, checksum: digest },
  };
}
