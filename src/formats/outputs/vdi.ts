import { MIB } from '../bytes/sizes.js';
import { defineQemuFormat } from './qemu-format.js';

/** VDI, dynamic: VirtualBox. */
export const vdi = defineQemuFormat({
  driver: 'vdi',
  extension: 'vdi',
  // A random UUID.
  reproducible: false,
  checkable: true,
  blockSize: MIB,
});
