import { countBlocks } from '../disk/qemu-img.js';
import { KIB, MIB } from '../bytes/sizes.js';
import { defineQemuFormat } from './qemu-format.js';

/** The bytes of the disk. Zeros are holes in the file. EC2 imports it. */
export const raw = defineQemuFormat({
  driver: 'raw',
  extension: 'raw',
  reproducible: true,
  checkable: false,
  // File systems keep data in blocks of 4 KiB, and now and then in larger ones.
  measure: async ({ extents }) => countBlocks(extents, 64 * KIB) + MIB,
});
