import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { parseDigest } from '../../domain/digest.js';
import type { ImportFormat } from '../../domain/import-input.js';
import { KEYS, marksOf, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import { checksumMismatchError, computeFileDigest } from '../../media/verify-checksum.js';
import type { Image } from '../../openstack/types.js';
import { deleteSpooled, fetchMedium, prepareSpoolPath } from '../media/fetch-medium.js';
import type { GivenImage, PreparedImage } from './given-image.js';
import { cancellationSignal, type Deps, reportProgress } from '../shared/context.js';
import { ensureImage } from '../images/ensure-image.js';
import { getExistingImage } from '../images/image-properties.js';
import { inspectDiskFile } from './inspect-disk-file.js';
import { describeGivenImage, prepareGivenImage } from './prepare-given-image.js';
import { currentUploader } from '../images/uploader.js';

/** The image in Glance that becomes a base image. */
export interface ImportedImage extends PreparedImage {
  /** Whether we have put the image into Glance. An image that was there belongs to somebody else. */
  own: boolean;
}

/**
 * Puts the disk of an import into Glance, or finds it there. Unlike the disk of `--jeos`, the image belongs to this
 * import alone, because it becomes its base image, which the sweeper must keep.
 *
 * @throws FactoryError the errors of `prepareGivenImage`; ChecksumMismatch, retryable, when Glance has other bytes than
 *   the file
 */
export async function importImage(
  deps: Deps,
  { ref, given, format }: { ref: BuildRef; given: GivenImage; format?: ImportFormat },
): Promise<ImportedImage> {
  if (given.imageId !== undefined) return { ...(await prepareGivenImage(deps, { ref, given })), own: false };
  const { source, checksum } = given;
  const digest = checksum === undefined ? undefined : parseDigest(checksum);
  const spool = await prepareSpoolPath(deps, ref, 'disk');
  const wanted = { kind: 'disk' as const, urls: [source], ...(digest === undefined ? {} : { digest }) };
  const { path } = await fetchMedium(deps, spool, wanted);
  try {
    const image = await uploadDisk(deps, ref, { path, source, ...(format === undefined ? {} : { format }) });
    return { ...describeGivenImage(image, given), reused: false, own: true };
  } finally {
    await deleteSpooled({ path });
  }
}

async function uploadDisk(
  deps: Deps,
  ref: BuildRef,
  { path, source, format }: { path: string; source: string; format?: ImportFormat },
): Promise<Image> {
  const { diskFormat, minDisk } = await inspectDiskFile(deps, ref.cloud, {
    path,
    source,
    ...(format && { format }),
  });
  const { size } = await stat(path);
  const id = await ensureImage(deps, ref.cloud, {
    seed: `import:${ref.uuid}`,
    request: {
      name: resourceName(ref, 'base'),
      disk_format: diskFormat,
      container_format: 'bare',
      visibility: 'private',
      min_disk: minDisk,
      tags: tagsOf(ref, 'base'),
      properties: { ...marksOf(ref, 'base', deps.identity), [KEYS.uploader]: currentUploader() },
    },
    content: { size, open: () => createReadStream(path) },
  });
  const image = await getExistingImage(deps, ref.cloud, id);
  await verifyUpload(deps, ref, image, { path, source });
  return image;
}

/** Compares the digest that Glance has computed with that of the file. */
async function verifyUpload(
  deps: Deps,
  ref: BuildRef,
  image: Image,
  { path, source }: { path: string; source: string },
): Promise<void> {
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  if (!algorithm || !value) return;
  reportProgress({ message: `comparing image ${image.id} with ${source}` });
  const actual = await computeFileDigest(path, algorithm, cancellationSignal());
  if (actual === value) return;
  // The image is ours, and its bytes are not those of the file: the next try uploads it again.
  await deps.clouds.get(ref.cloud).image.deleteImage(image.id, { signal: cancellationSignal() });
  throw checksumMismatchError(`image ${image.id} of ${source}`, algorithm, value, actual);
}
