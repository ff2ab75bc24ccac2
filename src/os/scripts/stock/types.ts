import type { Template } from '../../../tdl/types.js';
import type { OsProfile } from '../../types.js';

/** How the disk is divided: a root file system, LVM, or a root file system beside an EFI system partition. */
export type DiskLayout = 'plain' | 'lvm' | 'efi';

/** What a stock script is made of. */
export interface StockInput {
  template: Template;
  profile: Pick<OsProfile, 'family' | 'version' | 'scriptKind'>;
  diskLayout: DiskLayout;
  /** Whom the installed system lets in with the key of its instance. */
  user: string;
  /** Which of the images on a medium of Windows: its number, or its name. */
  windowsImage?: string | undefined;
  /** Whether there is a medium with drivers in a drive. */
  drivers?: boolean;
}

/** The line that a stock script writes on the console when everything before it has gone well. */
export const INSTALLED = 'IMAGEFACTORY-INSTALLED';
