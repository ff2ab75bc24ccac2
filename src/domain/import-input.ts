import type { BaseImageInput } from './base-image-input.js';

/**
 * Input of importBaseImage: a disk that exists becomes a base image. `parameters.jeos` says where the disk is.
 * `template` is a TDL that we have written, with the name of the image and, as far as it is known, its system.
 */
export interface ImportInput extends BaseImageInput {
  /** Format of the disk in a file. Unset: the first bytes of the file tell it. */
  format?: ImportFormat;
  /** Whether an instance of the disk tells its system and its packages. False: the user has named the system. */
  boots: boolean;
}

/** A format of a disk that a user may name, by QEMU's name. */
export type ImportFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc';

/** Every {@link ImportFormat}. */
export const IMPORT_FORMATS: readonly ImportFormat[] = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc'];

/** The name and the version of a system that nobody has named, in the TDL of an import. */
export const UNKNOWN = 'unknown';
