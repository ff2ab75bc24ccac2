import { defined } from '../../domain/defined.js';
import { parseDigest } from '../../domain/digest.js';
import { FactoryError } from '../../domain/errors.js';
import { parseImageSource } from '../../domain/image-source.js';
import type { BuildParameters } from '../../domain/parameters.js';
import { fetchValidators } from '../../media/head.js';
import type { Cloud, Image } from '../../openstack/types.js';
import { type Arch, architectureProperty } from '../../os/common/architectures.js';
import { checkGlanceDisk, checkGlanceImage } from '../given-image/check-glance-image.js';
import { findCloudImage } from '../images/find-cloud-image.js';
import { type Deps, cancellationSignal, reportProgress } from '../shared/context.js';
import type { GivenImage } from '../given-image/given-image.js';

const GIB = 1024n ** 3n;

/** The image that a build customises, and the size that a disk must have for it. */
export interface PlannedImage {
  given: GivenImage;
  /** GiB. Unset when it is not known yet: that of a file is known when the file has been fetched. */
  minDisk?: number;
}

/**
 * Finds the image that a build customises instead of a system that it installs (parameter `jeos`), and checks it. A
 * file on a server or on the worker's machine is only named here: a later step fetches and checks it.
 *
 * @param arch the architecture that the image must have. Undefined: any
 * @returns undefined for a build that installs its system
 * @throws FactoryError NotFound; InvalidParameter when several images have the name, or the image does not fit the
 *   template; ImageFailed when no instance can boot from the image; ChecksumMismatch
 */
export async function planGivenImage(
  deps: Deps,
  cloud: Cloud,
  { jeos, jeos_checksum: checksum }: BuildParameters,
  arch: Arch | undefined,
): Promise<PlannedImage | undefined> {
  if (jeos === undefined) return undefined;
  const source = parseImageSource(jeos, 'parameter jeos');
  if (source.kind !== 'glance') {
    const version = source.kind === 'file' ? await readFileVersion(deps, source.url) : undefined;
    return { given: { source: source.url, ...defined({ checksum, version }) } };
  }
  reportProgress({ message: `looking for image ${source.name}` });
  const image = await findCloudImage(deps, cloud.name, source.name, 'InvalidParameter');
  checkGlanceImage(image, arch === undefined ? undefined : architectureProperty(arch));
  if (checksum !== undefined) checkGlanceDigest(image, checksum);
  const virtualSize = await checkGlanceDisk(cloud, image, cancellationSignal());
  return {
    given: { source: `glance:${image.id}`, imageId: image.id, name: image.name ?? image.id },
    minDisk: Math.max(image.min_disk, Number(((virtualSize ?? 0n) + GIB - 1n) / GIB)),
  };
}

/**
 * Reads what tells whether a file has changed: its size and the time of its last change.
 * @throws FactoryError MediaUnavailable when there is no such file in the folders that the worker allows
 */
async function readFileVersion({ access }: Deps, url: string): Promise<string> {
  const { size, lastModified } = await fetchValidators(url, { signal: cancellationSignal(), access });
  return `${size} ${lastModified}`;
}

function checkGlanceDigest(image: Image, checksum: string): void {
  const { algorithm, value } = parseDigest(checksum);
  if (image.os_hash_algo !== algorithm) {
    throw new FactoryError(
      'InvalidParameter',
      `parameter jeos_checksum: Glance knows no ${algorithm} digest of image ${image.id}, only ${image.os_hash_algo ?? 'MD5'}`,
      { hint: `give the ${image.os_hash_algo ?? 'sha512'} digest of the image, or leave jeos_checksum out` },
    );
  }
  if (image.os_hash_value === value) return;
  throw new FactoryError(
    'ChecksumMismatch',
    `image ${image.id} has the ${algorithm} digest ${image.os_hash_value}; jeos_checksum says ${value}`,
  );
}
