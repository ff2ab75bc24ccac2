import type { CallOptions, Extent } from '../disk/qemu-img.js';
import type { ConversionOptions, Disk } from '../disk/types.js';

/** What an output format writes, and where. */
export interface Output extends CallOptions {
  source: Disk;
  /** The file to write. Its folder exists, and holds what the format writes besides. */
  path: string;
  options: ConversionOptions;
}

/**
 * Compares a file with its source, and checks it.
 *
 * @throws FactoryError ImageFailed when it differs
 */
export type Verify = (options: CallOptions) => Promise<void>;

/** What the measure of an output format knows of the source. */
export interface Measure {
  source: Disk;
  /** Size of the disk after padding, in bytes. */
  virtualSize: number;
  /** The parts of the source that may hold data. */
  extents: readonly Extent[];
  signal?: AbortSignal | undefined;
}

/** The disk that a file holds. */
export interface DiskInFile {
  format: Disk['format'];
  /** The tar archive in which the disk is. Unset when the file is the disk. */
  archive?: { gzipped: boolean; member: RegExp };
}

/** A format of target images. The registry has one for each name. */
export interface OutputFormat {
  /** Name extension of the output file, without a dot: `tar.gz`. */
  extension: string;
  /** The disk's size must be a multiple of this number of bytes. 512 if the format needs no other. */
  multipleOf: number;
  /** The largest disk that the format or its readers take, in bytes. Unset when other limits come first. */
  largest?: number;
  /** The architectures that the readers of the format can run. Unset when they can run all. */
  arches?: readonly string[];
  /** How the file is verified, as words for the record. */
  verifiedBy: string;
  /** Where the disk is in the file, for a boot of it. Unset when the file has no disk, such as a container image. */
  disk?: DiskInFile;
  /** Whether two conversions of the same disk with the same programs have the same bytes. */
  reproducible: boolean;
  /** Libraries besides qemu-img that write the file, with their versions. */
  converter?: string;
  /**
   * Writes the file. The source's size is a multiple of {@link multipleOf} already.
   *
   * @returns the function that verifies the file
   * @throws FactoryError
   */
  write(output: Output): Promise<Verify>;
  /** Bytes of disk space that the conversion needs at most. */
  measure(measure: Measure): Promise<number>;
}
