import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../domain/errors.js';
import { withStoreErrors } from '../domain/store-errors.js';
import type { RootFormatName } from '../domain/target-formats.js';
import { toFileName } from '../domain/file-name.js';
import { emptyFolder } from './convert.js';
import { GZIP_NAME } from './archive/gzip.js';
import { GIB, MIB } from './bytes/sizes.js';
import { digestFile } from './disk/digest.js';
import type { ConversionOptions, ConvertedFile } from './disk/types.js';
import { ROOT_FORMATS } from './registry.js';
import { findRootError, type RootClaims } from './roots/check-root.js';

/** The root file system of a guest, as it arrives. */
export interface RootSource {
  tar: AsyncIterable<Buffer>;
  /** Returns what the guest says about the tar, when the tar has arrived. */
  readClaims(): Promise<RootClaims>;
}

export interface PackOptions extends Pick<ConversionOptions, 'workFolder' | 'imageName' | 'onProgress' | 'signal'> {
  /** Name of the system: that of the template. */
  name: string;
  arch: string;
  /** The most bytes that the tar may have. */
  largest: number;
}

/** Bytes between two reports of the progress. */
const REPORT_EVERY = 16 * MIB;

/**
 * Packs the root file system of a guest, reads the file from the disk again, and compares it with what the guest says.
 * The file appears under its own name only when all of that is done. The tar is compressed as it arrives.
 *
 * @throws FactoryError ImageFailed when the tar is too large, or is not what the guest has sent, or would be dangerous
 *   to unpack; StoreFailed when the disk of the worker is full; the errors of the source; the signal's reason
 */
export function packRoot(source: RootSource, format: RootFormatName, options: PackOptions): Promise<ConvertedFile> {
  return withStoreErrors('write the root file system to', options.workFolder, () => pack(source, format, options));
}

async function pack(source: RootSource, name: RootFormatName, options: PackOptions): Promise<ConvertedFile> {
  const { workFolder, signal, onProgress } = options;
  const format = ROOT_FORMATS[name];
  await emptyFolder(workFolder);
  const folder = join(workFolder, 'work');
  await mkdir(folder);
  const fileName = `${toFileName(options.imageName)}.${format.extension}`;
  const partial = join(folder, fileName);
  const counted = { bytes: 0 };
  await format.write(partial, count(source.tar, counted, options), options);
  const claims = await source.readClaims();
  onProgress?.({ message: `comparing the ${name} with what the guest has sent` });
  const [digests, error] = await Promise.all([
    digestFile(partial, signal),
    format.findError(partial, (tar) => findRootError(tar, claims), signal),
  ]);
  if (error !== undefined) {
    throw new FactoryError('ImageFailed', `the root file system is not used: ${error}`, {
      hint: 'change the template if the file should not be there; otherwise make the target image again',
    });
  }
  const path = join(workFolder, fileName);
  await rename(partial, path);
  await rm(folder, { recursive: true });
  return {
    path,
    name: fileName,
    ...digests,
    virtualSize: counted.bytes,
    verifiedBy: describeVerification(claims, format.verifiedBy),
    converter: `${claims.program} in the guest, ${GZIP_NAME}`,
  };
}

/** Passes the tar on, and counts its bytes. */
async function* count(
  tar: AsyncIterable<Buffer>,
  counted: { bytes: number },
  { largest, onProgress }: PackOptions,
): AsyncGenerator<Buffer> {
  let reported = 0;
  for await (const chunk of tar) {
    counted.bytes += chunk.length;
    if (counted.bytes > largest) {
      throw new FactoryError(
        'ImageFailed',
        `the root file system has more than ${Math.floor(largest / GIB)} GiB: the guest sends more than its disk can hold`,
      );
    }
    if (counted.bytes - reported >= REPORT_EVERY) {
      reported = counted.bytes;
      onProgress?.({ message: `received ${Math.round(reported / MIB)} MiB of the root file system` });
    }
    yield chunk;
  }
}

function describeVerification({ entries, changed }: RootClaims, more: string | undefined): string {
  return [
    `digest of the tar and its ${entries} entries compared with what the guest has sent`,
    ...(more === undefined ? [] : [more]),
    ...(changed.length === 0 ? [] : [`changed while they were read: ${changed.join(', ')}`]),
  ].join(', ');
}
