import { MIB, TIB } from '../bytes/sizes.js';
import { defineQemuFormat } from './qemu-format.js';

/** VHDX, dynamic: Hyper-V's machines of generation 2. Hyper-V’s limit is 64 TiB. */
export const vhdx = defineQemuFormat({
  driver: 'vhdx',
  extension: 'vhdx',
  // Microsoft recommends blocks of 1 MiB for Linux, whose file systems write all over the disk. qemu-img's own choice
  // is 8 MiB and more.
  list: () => ['subformat=dynamic', `block_size=${MIB}`],
  largest: 64 * TIB,
  // Random ids.
  reproducible: false,
  checkable: true,
  blockSize: MIB,
});
