import type { MirrorPin } from '../../os/installer/mirror-pin.js';

/** The images that boot the installer. */
export interface InstallerMedia {
  kernelId?: string;
  ramdiskId?: string;
  /** Id of the install medium's image, when the system is installed from one. The volume id of its ISO follows. */
  isoId?: string;
  volumeId?: string;
  /** The mirror that the installer must use too. */
  pin?: MirrorPin;
  /** Id of the image of a medium with drivers. */
  driversId?: string;
  notes: string[];
}
