import { FORMAT_NAMES, type FormatName } from '../domain/target-formats.js';
import { OUTPUT_FORMATS, ROOT_FORMATS } from './registry.js';

export { checkDiskSize, convertDisk, measureConversion } from './convert.js';
export { digestFile } from './disk/digest.js';
export { bootDisk, measureBoot } from './boot/boot-disk.js';
export type { BootFailure, BootVerdict } from './boot/console.js';
export { checkBootable } from './boot/machine.js';
export { packRoot } from './pack-root.js';
export { HEADER_BYTES, readQcow2Header, recogniseFormat } from './disk/header.js';
export { inspectDisk } from './disk/inspect.js';
export { measureQcow2 } from './disk/qemu-img.js';
export { readDisk } from './disk/read-disk.js';
export type { ConversionOptions, ConvertedFile, Disk } from './disk/types.js';
export type { RootClaims } from './roots/check-root.js';

/** Name extension of the output file of each format, without a dot: `qcow2`, `tar.gz`, `box`. */
export const FORMAT_EXTENSIONS = Object.fromEntries(
  FORMAT_NAMES.map((name) => [name, { ...OUTPUT_FORMATS, ...ROOT_FORMATS }[name].extension]),
) as Readonly<Record<FormatName, string>>;
