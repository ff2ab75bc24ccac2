import type { MirrorPin } from '../../os/installer/mirror-pin.js';

/** What the installer is booted with, as images. */
export interface InstallerMedia {
  kernelId?: string;
  ramdiskId?: string;
  /** The medium, where the system is installed from one, and what it calls itself. */
  isoId?: string;
  volumeId?: string;
  /** The mirror that the installer is sent to as well. */
  pin?: MirrorPin;
  /** A medium with drivers. */
  driversId?: string;
  notes: string[];
}
