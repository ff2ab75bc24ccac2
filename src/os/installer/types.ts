import type { ScriptTransport } from '../common/user-data.js';
import type { InstallScriptKind } from '../scripts/kinds/registry.js';

/** Kernel or ramdisk of an installer. */
export interface MediaFile {
  role: 'kernel' | 'ramdisk';
  /** URLs to try in order. */
  urls: string[];
}

/** An index file of an install tree, which lists the paths of the installer or the digests of files. */
export type MediaIndex =
  /**
   * productmd's `.treeinfo`: `[images-<arch>]` has kernel and initrd, `[checksums]` has digests.
   * https://docs.fedoraproject.org
   */
  | { format: 'treeinfo'; url: string; section: string }
  /**
   * Debian's `SHA256SUMS` beside `netboot/`, with lines `<hex>  ./netboot/…`, or SUSE's `CHECKSUMS`. The paths of the
   * installer's files in this index begin with `prefix`.
   */
  | { format: 'sha256sums'; url: string; prefix: string }
  /** SUSE's `content` at the root of a medium before Leap 15 and SLES 15: lines `HASH SHA256 <hex>  boot/…`. */
  | { format: 'content'; url: string }
  /**
   * Ubuntu's `SHA256SUMS` beside the ISOs of the live server. Each point release replaces the ISOs of the previous one.
   * `guess` is the ISO's address in the command line. `name` is a pattern (source text of a RegExp) that the ISO's file
   * name must match.
   */
  | { format: 'isos'; url: string; guess: string; name: string };

/** Everything that is needed to boot an installer. It is only data: nothing has been fetched yet. */
export interface InstallerPlan {
  /**
   * The kernel in the install tree. It has no URLs when the system is installed from a medium, which contains the
   * kernel.
   */
  kernel: MediaFile;
  ramdisk: MediaFile;
  indexes: MediaIndex[];
  /** Set when the system is installed from its medium. */
  medium?: InstallMedium;
  /** Kernel command line; becomes the image property `os_command_line`. */
  commandLine: string;
  scriptKind: InstallScriptKind;
  scriptTransport: ScriptTransport;
  /** Properties of the image that boots the installer, besides kernel_id, ramdisk_id and os_command_line. */
  bootImageProperties: Record<string, string>;
  /** Properties of the JEOS and of the base image: os_distro, os_version, os_type, architecture, hw_*. */
  imageProperties: Record<string, string>;
  /** Properties that a snapshot inherits from the boot image, and that the build must remove from the snapshot. */
  strippedProperties: string[];
  /** Set when the system has no drivers for virtio devices, so it needs a medium with drivers, or other devices. */
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

/** The files of a family's install medium. Lists of paths begin with the best one. */
export interface IsoLayout {
  /** Kernel and ramdisk. Unset when only the medium's own boot loader can start the installer. */
  boots?: { kernels: string[]; ramdisks: string[] };
  /** The install script on a rewritten medium. Unset when the installer cannot read its script from a medium. */
  script?: {
    path: string;
    /** The word of the command line that names the script. Unset when the installer finds `path` by itself. */
    argument?: string;
    /**
     * Volume id of a second, small medium that carries the script and the template's extras. Set when we cannot rewrite
     * the install medium.
     */
    beside?: string;
  };
  /** Files to write to the medium, so that the installer uses the serial console. */
  files?: { path: string; text: string }[];
}

/** The medium that a system is installed from. */
export interface InstallMedium extends IsoLayout {
  /** Address that the ISO is fetched from. */
  url: string;
  /** A checksum file that lists the ISO. */
  checksum?: { algorithm: 'md5' | 'sha1' | 'sha256'; url: string };
}
