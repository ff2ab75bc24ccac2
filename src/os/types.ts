import type { Template, Repository } from '../tdl/types.js';

/** The kinds of auto-install script. */
export type InstallScriptKind = 'kickstart' | 'preseed' | 'autoinstall' | 'autoyast';

/** One file of the installer: where it may lie, best first, and where the tree says what its digest is. */
export interface MediaFile {
  role: 'kernel' | 'ramdisk';
  /** URLs to try in order. */
  urls: string[];
}

/** How a tree publishes where its installer lies and which digests its files have. */
export type MediaIndex =
  /** https://docs.fedoraproject.org productmd `.treeinfo`: `[images-<arch>]` kernel and initrd, `[checksums]`. */
  | { format: 'treeinfo'; url: string; section: string }
  /** Debian's `SHA256SUMS` beside `netboot/`: lines `<hex>  ./netboot/…`. `prefix` is what a file's path begins with there. */
  | { format: 'sha256sums'; url: string; prefix: string };

/** What is needed to boot an installer. Pure data: nothing has been fetched yet. */
export interface InstallerPlan {
  kernel: MediaFile;
  ramdisk: MediaFile;
  indexes: MediaIndex[];
  /** Kernel command line; goes to the image property `os_command_line`. */
  commandLine: string;
  scriptKind: InstallScriptKind;
  /** How the script reaches the installer. */
  scriptTransport: 'user_data';
  /** Properties of the image that boots the installer, besides kernel_id, ramdisk_id and os_command_line. */
  bootImageProperties: Record<string, string>;
  /** Properties that the JEOS and the base image carry: os_distro, os_version, os_type, architecture, hw_*. */
  imageProperties: Record<string, string>;
  /** Properties that a snapshot inherits from the boot image and must lose. */
  strippedProperties: string[];
  /** Patterns (source text of a RegExp) of console lines that mean the installation has failed. */
  failurePatterns: string[];
}

/** A shell script for the guest (POSIX sh, run as root), with a title for people. */
export interface GuestScript {
  title: string;
  script: string;
}

/** What we know of an OS family. Data first; functions where families differ. Pure. */
export interface OsProfile {
  /** debian, fedora. */
  family: string;
  /** Names as TDL writes them, compared without case. */
  names: string[];
  /** Versions that it was made for, as text: "5 to 13". */
  versions: string;
  arches: string[];
  installTypes: ('url' | 'iso')[];
  scriptKind: InstallScriptKind;
  /** Whether this profile can take the version at all; a newer one than we know is taken with a warning. */
  accepts(version: string): boolean;
  /** Whether a version that it takes is newer than those that it was made for. */
  isNewer(version: string): boolean;
  /** The installer of a template. @throws FactoryError UnsupportedOs */
  installer(template: Template): InstallerPlan;
  /** Adds a repository. */
  addRepository(repository: Repository): GuestScript;
  /** Removes one whose `persisted` is no. */
  removeRepository(repository: Repository): GuestScript;
  /** Refreshes the package lists and installs all packages in one transaction; non-interactive. */
  installPackages(names: string[]): GuestScript;
  /** Prints one installed package a line, as the ICICLE names them. */
  listPackages: string;
  /** Removes the machine's identity: machine-id, DHCP leases, cloud-init's state, logs, caches, histories, random seed. Not the key that we log in with, the SSH host keys and the build's journal: the shutdown takes these. */
  cleanGuest(): GuestScript;
}
