import { GZIP_NAME } from '../archive/gzip.js';
import { KIB, MIB, TIB } from '../bytes/sizes.js';
import { checkDisk, compareDisks, countBlocks } from '../disk/qemu-img.js';
import { writeVmdkStream } from '../disk/vmdk-stream.js';
import type { Measure, OutputFormat } from './output-format.js';

const GRAIN = 64 * KIB;
/** The largest sparse VMDK: 2^32 sectors. */
export const LARGEST_VMDK = 2 * TIB;
/** UEFI needs version 13 or newer: vSphere 6.5. */
const HARDWARE_VERSION = 14;

/**
 * VMDK, streamOptimized: what an OVF descriptor refers to, and what vSphere and EC2 import. The adapter is lsilogic
 * even where the OVF descriptor has a paravirtual controller. Our own writer works on all cores.
 */
export const vmdk: OutputFormat = {
  extension: 'vmdk',
  multipleOf: MIB,
  largest: LARGEST_VMDK,
  verifiedBy: 'qemu-img compare with the source, qemu-img check',
  disk: { format: 'vmdk' },
  reproducible: true,
  converter: GZIP_NAME,
  write: async (output) => {
    const { source, path } = output;
    await writeVmdkStream(source, path, { hardwareVersion: HARDWARE_VERSION, adapter: 'lsilogic' }, output);
    return async (call) => {
      await checkDisk({ path, format: 'vmdk' }, call);
      await compareDisks(source, { path, format: 'vmdk' }, call);
    };
  },
  measure: async (measure) => measureVmdk(measure),
};

/**
 * Bytes of a streamOptimized VMDK at most. A grain that cannot be compressed grows by a header, and is padded to whole
 * sectors: less than 1 KiB. The tables have 4 bytes for each grain of the disk, and a sector for each 512.
 */
export function measureVmdk({ extents, virtualSize }: Pick<Measure, 'extents' | 'virtualSize'>): number {
  const bytes = countBlocks(extents, GRAIN);
  return bytes + (bytes / GRAIN) * KIB + Math.ceil(virtualSize / GRAIN) * 8 + MIB;
}
