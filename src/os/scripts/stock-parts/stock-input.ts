import type { Template } from '../../../tdl/types.js';
import type { Version } from '../../common/versions.js';

/** How the disk is partitioned: a root file system, LVM, or a root file system beside an EFI system partition. */
export type DiskLayout = 'plain' | 'lvm' | 'efi';

/** The input of a stock script. */
export interface StockInput {
  template: Template;
  profile: { family: string; version: Version };
  diskLayout: DiskLayout;
  /** The user who can log in to the installed system with the key of the instance. */
  user: string;
  /**
   * The image to install from a Windows medium: its number, or its name. Unset when the product key selects the image,
   * or when the medium's first image is the right one.
   */
  windowsImage?: string | undefined;
  /** Whether the instance has a medium with drivers in a CD-ROM drive. */
  drivers?: boolean;
}

/** The line that a stock script writes to the console when everything before it has succeeded. */
export const INSTALLED = 'IMAGEFACTORY-INSTALLED';
