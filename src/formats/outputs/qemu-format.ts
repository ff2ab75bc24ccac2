import { checkDisk, compareDisks, convertFile, countBlocks } from '../disk/qemu-img.js';
import type { ConversionOptions, Disk } from '../disk/types.js';
import { KIB, MIB } from '../bytes/sizes.js';
import type { Measure, Output, OutputFormat } from './output-format.js';

/** A format that qemu-img writes as one file. */
export interface QemuFormat {
  /** qemu-img's name of the format. */
  driver: Disk['format'];
  /** Options of `qemu-img convert -o`. */
  list?: (options: ConversionOptions) => string[];
  compress?: (options: ConversionOptions) => boolean;
  extension: string;
  /** See {@link OutputFormat.multipleOf}. Default 1 MiB. */
  multipleOf?: number;
  largest?: number;
  reproducible: boolean;
  /** Whether qemu-img can check the format. */
  checkable: boolean;
  /** Another check of the file, after qemu-img's, with its words for the record. */
  check?: { words: string; run: (output: Output) => Promise<void> };
  /** The smallest piece that the format stores, in bytes. Unset: {@link measure} computes the space. */
  blockSize?: number;
  measure?: (measure: Measure) => Promise<number>;
}

/** Makes an output format of one that qemu-img writes. */
export function defineQemuFormat(format: QemuFormat): OutputFormat {
  const { driver, extension, largest, reproducible, checkable, check, blockSize = 64 * KIB } = format;
  return {
    extension,
    multipleOf: format.multipleOf ?? MIB,
    ...(largest === undefined ? {} : { largest }),
    disk: { format: driver },
    reproducible,
    verifiedBy: [
      'qemu-img compare with the source',
      ...(checkable ? ['qemu-img check'] : []),
      ...(check === undefined ? [] : [check.words]),
    ].join(', '),
    write: async (output) => {
      const { source, path, options } = output;
      await convertFile(
        source,
        { path, format: driver, options: format.list?.(options) ?? [], compress: format.compress?.(options) ?? false },
        output,
      );
      return async (call) => {
        if (checkable) await checkDisk({ path, format: driver }, call);
        await check?.run(output);
        await compareDisks(source, { path, format: driver }, call);
      };
    },
    measure:
      format.measure ??
      (async ({ extents, virtualSize }) => countBlocks(extents, blockSize) + tableBytes(virtualSize, blockSize)),
  };
}

/** Bytes that the tables of a format need at most: 16 for each block of the disk, and some MiB for headers. */
function tableBytes(virtualSize: number, blockSize: number): number {
  return Math.ceil(virtualSize / blockSize) * 16 + 8 * MIB;
}
