import type { MirrorPin } from '../../os/installer/mirror-pin.js';

/** The images that boot the installer. */
export interface InstallerMedia {
  kernelId?: string;
  ramdiskId?: string;
  /** Id of the install medium's image. Unset when the installation uses no install medium. */
  isoId?: string;
  /** The ISO 9660 volume id (the label) of the install medium; not the id of a Cinder volume. */
  volumeId?: string;
  /**
   * The URL to replace in the installer's command line, and the URL that takes its place: the URL of the mirror that
   * served the index, or the URL of the ISO that the index names. Unset: no URL is replaced.
   */
  pin?: MirrorPin;
  /** Id of the image of the drivers medium. Unset when the build needs no such medium. */
  driversId?: string;
  /** The known digests of the media as `sha256:<hex>`, by what they are: kernel, ramdisk, iso, drivers. */
  digests?: Record<string, string>;
  notes: string[];
}
