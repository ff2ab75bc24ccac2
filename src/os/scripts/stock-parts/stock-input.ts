import type { Template } from '../../../tdl/types.js';
import type { Version } from '../../common/versions.js';

/** How the disk is partitioned: a root file system, LVM, or a root file system beside an EFI system partition. */
export type DiskLayout = 'plain' | 'lvm' | 'efi';

/** The input of a stock script. */
export interface StockInput {
  template: Template;
  profile: { family: string; version: Version };
  diskLayout: DiskLayout;
  /** The user that the installed system lets in with the key of its instance. */
  user: string;
  /** The image on a medium of Windows: its number, or its name. */
  windowsImage?: string | undefined;
  /** Whether a medium with drivers is in a drive. */
  drivers?: boolean;
}

/** The line that a stock script writes to the console when everything before it has succeeded. */
export const INSTALLED = 'IMAGEFACTORY-INSTALLED';
