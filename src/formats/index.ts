import { FORMAT_NAMES, type FormatName } from '../domain/targets.js';
import { OUTPUT_FORMATS } from './registry.js';

export { convertDisk, measureConversion } from './convert.js';
export { HEADER_BYTES, readQcow2Header, recogniseFormat } from './disk/header.js';
export { inspectDisk } from './disk/inspect.js';
export type { ConversionOptions, ConvertedFile, Disk } from './disk/types.js';

/** Name extension of the output file of each format, without a dot: `qcow2`, `tar.gz`, `box`. */
export const FORMAT_EXTENSIONS = Object.fromEntries(
  FORMAT_NAMES.map((name) => [name, OUTPUT_FORMATS[name].extension]),
) as Readonly<Record<FormatName, string>>;
