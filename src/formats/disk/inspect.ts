import { resolve } from 'node:path';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { READ_LIMITS, runProgram } from './programs.js';
import { TIB } from '../bytes/sizes.js';
import type { Disk } from './types.js';
import { findVmdkRefusal, SINGLE_FILE_VMDK } from './vmdk-header.js';

/** The largest disk that is converted, unless the caller says another: a file of a few KiB can claim any size. */
const LARGEST_DISK = 16 * TIB;

export interface InspectOptions {
  /** The largest virtual size, in bytes. Default 16 TiB. */
  largest?: number;
  signal?: AbortSignal | undefined;
}

/** The parts of the answer of `qemu-img info --output=json` that we read. */
const INFO = z.looseObject({
  'virtual-size': z.number().nonnegative(),
  'backing-filename': z.string().optional(),
  'full-backing-filename': z.string().optional(),
  encrypted: z.boolean().optional(),
  'format-specific': z
    .looseObject({
      data: z
        .looseObject({
          'data-file': z.string().optional(),
          corrupt: z.boolean().optional(),
          encrypt: z.unknown().optional(),
          'create-type': z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});

/**
 * Opens a disk, and refuses one that names other files of the worker's machine, is encrypted, or claims to be too
 * large.
 *
 * @throws FactoryError ImageFailed with the reason; InvalidParameter when qemu-img is missing
 */
export async function inspectDisk(path: string, format: Disk['format'], options: InspectOptions = {}): Promise<Disk> {
  const absolute = resolve(path);
  const refuse = (why: string): FactoryError => new FactoryError('ImageFailed', `the disk ${path} is refused: ${why}`);
  // Before qemu-img sees the file at all.
  const refusal = format === 'vmdk' ? await findVmdkRefusal(absolute) : undefined;
  if (refusal !== undefined) throw refuse(refusal);
  const { stdout } = await runProgram('qemu-img', ['info', '-U', '--output=json', '-f', format, absolute], {
    what: `read the disk ${path} as ${format}`,
    signal: options.signal,
    limits: READ_LIMITS,
  });
  const info = INFO.parse(JSON.parse(stdout));
  const reason = findReason(info, options.largest ?? LARGEST_DISK);
  if (reason !== undefined) throw refuse(reason);
  return { path: absolute, format, virtualSize: info['virtual-size'] };
}

/** Returns the reason to refuse a disk, or undefined when there is none. */
function findReason(info: z.infer<typeof INFO>, largest: number): string | undefined {
  const data = info['format-specific']?.data;
  const type = data?.['create-type'];
  const backing = info['full-backing-filename'] ?? info['backing-filename'];
  if (backing !== undefined) return `it has a backing file, ${JSON.stringify(backing)}`;
  if (data?.['data-file'] !== undefined) {
    return `its data are in another file, ${JSON.stringify(data['data-file'])}`;
  }
  if (type !== undefined && !SINGLE_FILE_VMDK.includes(type)) return `a VMDK of type ${type} is not one file`;
  if (info.encrypted === true || data?.encrypt !== undefined) return 'it is encrypted';
  if (data?.corrupt === true) return 'it is marked as corrupt';
  if (info['virtual-size'] === 0) return 'it is empty';
  if (info['virtual-size'] > largest) {
    return `its virtual size is ${info['virtual-size']} bytes; the limit is ${largest} bytes`;
  }
  return undefined;
}
