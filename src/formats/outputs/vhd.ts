import { countBlocks } from '../disk/qemu-img.js';
import { GIB, KIB, MIB } from '../bytes/sizes.js';
import { checkVhdFooter } from '../disk/vhd-footer.js';
import type { OutputFormat } from './output-format.js';
import { defineQemuFormat } from './qemu-format.js';

/** The largest VHD, of both kinds. */
const LARGEST_VHD = 2040 * GIB;

/** VHD, fixed: Azure. Its size is a multiple of 1 MiB, and 512 bytes of footer follow the disk. */
export const vhd = defineVhd('fixed');

/** VHD, dynamic: Hyper-V's machines of generation 1. */
export const vhdDynamic = defineVhd('dynamic');

function defineVhd(type: 'fixed' | 'dynamic'): OutputFormat {
  return defineQemuFormat({
    driver: 'vpc',
    extension: 'vhd',
    // Without force_size, qemu-img rounds the size up to whole cylinders.
    list: () => [`subformat=${type}`, 'force_size=on'],
    largest: LARGEST_VHD,
    // A random UUID, and the time.
    reproducible: false,
    checkable: false,
    check: {
      words: 'own reader of the VHD footer',
      run: ({ path, source: { virtualSize } }) => checkVhdFooter(path, { type, virtualSize }),
    },
    // A fixed VHD is a raw disk, whose zeros are holes in the file. A dynamic one has blocks of 2 MiB.
    ...(type === 'fixed'
      ? { measure: async ({ extents }) => countBlocks(extents, 64 * KIB) + MIB }
      : { blockSize: 2 * MIB }),
  });
}
