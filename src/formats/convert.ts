import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../domain/errors.js';
import { toFileName } from '../domain/file-name.js';
import { withStoreErrors } from '../domain/store-errors.js';
import type { DiskFormatName } from '../domain/target-formats.js';
import { digestFile } from './disk/digest.js';
import { padDisk } from './disk/pad.js';
import { listExtents, readQemuVersion } from './disk/qemu-img.js';
import { GIB, MIB, roundUp } from './bytes/sizes.js';
import type { ConversionOptions, ConvertedFile, Disk } from './disk/types.js';
import { OUTPUT_FORMATS } from './registry.js';

/**
 * Converts a disk to another format, compares the result with its source, checks it, and computes its digests. The file
 * appears under its own name only when all of that is done.
 *
 * @throws FactoryError ImageFailed when the source cannot be read, is too large for the format, or differs from the
 *   result; StoreFailed, retryable, when the disk of the worker is full or a program was killed; InvalidParameter when
 *   qemu-img is missing. The signal's reason after an abort
 */
export function convertDisk(source: Disk, name: DiskFormatName, options: ConversionOptions): Promise<ConvertedFile> {
  return withStoreErrors(`convert the disk to ${name} in`, options.workFolder, () => convert(source, name, options));
}

async function convert(source: Disk, name: DiskFormatName, options: ConversionOptions): Promise<ConvertedFile> {
  const { workFolder, signal } = options;
  const format = OUTPUT_FORMATS[name];
  checkDiskSize(source, name);
  checkArch(options.system.arch, name);
  await emptyFolder(workFolder);
  const folder = join(workFolder, 'work');
  await mkdir(folder);
  const padded = await padDisk(source, format.multipleOf, join(folder, 'padded'), signal);
  const fileName = `${toFileName(options.imageName)}.${format.extension}`;
  const output = { source: padded, path: join(folder, fileName), options, signal };
  const verify = await format.write({ ...output, onPercent: reportPercent(options, `converting to ${name}`) });
  const [digests] = await Promise.all([
    digestFile(output.path, signal),
    verify({ signal, onPercent: reportPercent(options, `comparing the ${name} with its source`) }),
  ]);
  const path = join(workFolder, fileName);
  await rename(output.path, path);
  await rm(folder, { recursive: true });
  const qemu = await readQemuVersion(signal);
  return {
    path,
    name: fileName,
    ...digests,
    virtualSize: padded.virtualSize,
    verifiedBy: `${format.verifiedBy}${padded.gptMoved ? ' (after its GPT’s backup was moved to the new end)' : ''}`,
    converter: format.converter === undefined ? qemu : `${qemu}, ${format.converter}`,
  };
}

/** Bytes of disk space that a conversion needs at most. @throws FactoryError as {@link convertDisk} */
export async function measureConversion(
  source: Disk,
  name: DiskFormatName,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<number> {
  checkDiskSize(source, name);
  const format = OUTPUT_FORMATS[name];
  const virtualSize = roundUp(source.virtualSize, format.multipleOf);
  const extents = await listExtents(source, signal);
  // 4 MiB for the padded disk, which holds no data besides the partition table.
  return (await format.measure({ source, virtualSize, extents, signal })) + 4 * MIB;
}

/** Checks that a disk is not too large for a format. @throws FactoryError ImageFailed */
export function checkDiskSize({ virtualSize }: Pick<Disk, 'virtualSize'>, name: DiskFormatName): void {
  const { largest } = OUTPUT_FORMATS[name];
  if (largest === undefined || virtualSize <= largest) return;
  throw new FactoryError(
    'ImageFailed',
    `the disk has ${Math.ceil(virtualSize / GIB)} GiB: a disk of format ${name} has at most ${largest / GIB} GiB`,
    { hint: 'take another target, or build the image with a smaller disk' },
  );
}

function checkArch(arch: string, name: DiskFormatName): void {
  const { arches } = OUTPUT_FORMATS[name];
  if (arches === undefined || arches.includes(arch)) return;
  throw new FactoryError(
    'ImageFailed',
    `the system is for ${arch}: the format ${name} is for ${arches.join(' and ')}`,
    {
      hint: 'take another target, such as openstack-kvm or raw',
    },
  );
}

function reportPercent({ onProgress }: ConversionOptions, message: string): (percent: number) => void {
  onProgress?.({ message, percent: 0 });
  return (percent) => onProgress?.({ message, percent });
}

/** Removes everything in a folder. */
export async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}
