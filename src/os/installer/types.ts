import type { ScriptTransport } from '../common/user-data.js';
import type { InstallScriptKind } from '../scripts/kinds/registry.js';

/** Kernel or ramdisk of an installer. */
export interface MediaFile {
  role: 'kernel' | 'ramdisk';
  /** URLs to try in order. */
  urls: string[];
}

/** How an install tree publishes the paths of its installer and the digests of its files. */
export type MediaIndex =
  /** https://docs.fedoraproject.org productmd `.treeinfo`: `[images-<arch>]` kernel and initrd, `[checksums]`. */
  | { format: 'treeinfo'; url: string; section: string }
  /** Debian's `SHA256SUMS` beside `netboot/`: lines `<hex>  ./netboot/…`. Every path there begins with `prefix`. */
  | { format: 'sha256sums'; url: string; prefix: string }
  /** SUSE's `content` at the root of a medium before Leap 15 and SLES 15: lines `HASH SHA256 <hex>  boot/…`. */
  | { format: 'content'; url: string }
  /**
   * Ubuntu's `SHA256SUMS` beside the ISOs of the live server. Each point release replaces the ISOs of the one before
   * it. `guess` is the address in the command line, `name` a pattern (source text of a RegExp) that the ISO's file name
   * must match.
   */
  | { format: 'isos'; url: string; guess: string; name: string };

/** Everything that is needed to boot an installer. Pure data: nothing has been fetched yet. */
export interface InstallerPlan {
  /** In the install tree. Without URLs where the system is installed from a medium, which contains the kernel. */
  kernel: MediaFile;
  ramdisk: MediaFile;
  indexes: MediaIndex[];
  /** Set where the system is installed from its medium. */
  medium?: InstallMedium;
  /** Kernel command line; becomes the image property `os_command_line`. */
  commandLine: string;
  scriptKind: InstallScriptKind;
  scriptTransport: ScriptTransport;
  /** Properties of the image that boots the installer, besides kernel_id, ramdisk_id and os_command_line. */
  bootImageProperties: Record<string, string>;
  /** Properties of the JEOS and of the base image: os_distro, os_version, os_type, architecture, hw_*. */
  imageProperties: Record<string, string>;
  /** Properties that a snapshot inherits from the boot image and must lose. */
  strippedProperties: string[];
  /** Set where the system has no drivers for virtio devices: it needs a medium with drivers, or other devices. */
  lacksVirtio?: true;
  drivers?: DriversMedium;
  /** Patterns (source text of a RegExp) of console lines that mean that the installation has failed. */
  failurePatterns: string[];
}

/** A medium with drivers that a system's installer lacks. */
export interface DriversMedium {
  url: string;
  /** Expected digest, as sha256:… or sha512:…. */
  checksum?: string;
}

/** The files of a family's install medium. Paths on the medium, best first. Pure data. */
export interface IsoLayout {
  /** Kernel and ramdisk; absent where only the medium's own boot loader can start the installer. */
  boots?: { kernels: string[]; ramdisks: string[] };
  /** The install script on a rewritten medium; absent where the installer cannot read its script from there. */
  script?: {
    path: string;
    /** Word of the command line that names the script there; absent where the installer looks there by itself. */
    argument?: string;
    /**
     * Volume id of a second, small medium that carries the script and the template's extras: this medium cannot be
     * rewritten.
     */
    beside?: string;
  };
  /** Files to add to the medium, so that the installer writes to the serial console. */
  files?: { path: string; text: string }[];
}

/** The medium that a system is installed from. */
export interface InstallMedium extends IsoLayout {
  /** Address that the ISO is fetched from. */
  url: string;
  /** A checksum file that lists the ISO. */
  checksum?: { algorithm: 'md5' | 'sha1' | 'sha256'; url: string };
}
