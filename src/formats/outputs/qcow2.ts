import { measureQcow2 } from '../disk/qemu-img.js';
import { defineQemuFormat } from './qemu-format.js';

const VERSION_3 = 'compat=1.1';

/**
 * qcow2, version 3. Without qemu-img's option `-W`, clusters are written in order, so two conversions have the same
 * bytes.
 */
export const qcow2 = defineQemuFormat({
  driver: 'qcow2',
  extension: 'qcow2',
  list: ({ compression }) => [VERSION_3, ...(compression === 'zstd' ? ['compression_type=zstd'] : [])],
  compress: ({ compression = 'none' }) => compression !== 'none',
  multipleOf: 512,
  reproducible: true,
  checkable: true,
  measure: ({ source, signal }) => measureQcow2(source, [VERSION_3], signal),
});
