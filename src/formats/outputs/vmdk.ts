import { countBlocks } from '../disk/qemu-img.js';
import { KIB, MIB, TIB } from '../bytes/sizes.js';
import type { Measure } from './output-format.js';
import { defineQemuFormat } from './qemu-format.js';

const GRAIN = 64 * KIB;
/** The largest sparse VMDK: 2^32 sectors. */
export const LARGEST_VMDK = 2 * TIB;

/**
 * VMDK, streamOptimized: what an OVF descriptor refers to, and what vSphere and EC2 import. The adapter is lsilogic
 * even where the OVF descriptor has a paravirtual controller. qemu-img's default hardware version is too old for UEFI.
 */
export const vmdk = defineQemuFormat({
  driver: 'vmdk',
  extension: 'vmdk',
  list: () => ['subformat=streamOptimized', 'adapter_type=lsilogic', 'hwversion=14'],
  largest: LARGEST_VMDK,
  // A random content id.
  reproducible: false,
  checkable: true,
  measure: async (measure) => measureVmdk(measure),
});

/**
 * Bytes of a streamOptimized VMDK at most. A grain that cannot be compressed grows by a header, and is padded to whole
 * sectors: less than 1 KiB. The tables have 4 bytes for each grain of the disk.
 */
export function measureVmdk({ extents, virtualSize }: Pick<Measure, 'extents' | 'virtualSize'>): number {
  const bytes = countBlocks(extents, GRAIN);
  return bytes + (bytes / GRAIN) * KIB + Math.ceil(virtualSize / GRAIN) * 8 + MIB;
}
