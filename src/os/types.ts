import type { Template, Repository } from '../tdl/types.js';

/** The kinds of auto-install script. */
export type InstallScriptKind =
  'kickstart' | 'preseed' | 'autoinstall' | 'autoyast' | 'agama' | 'auto_inst' | 'installerconfig' | 'autounattend';

/** How an install script reaches its installer. */
export type ScriptTransport = 'user_data' | 'config_drive' | 'initrd' | 'medium';

/** An architecture, as TDL writes it. */
export type Arch = Template['os']['arch'];

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
  | { format: 'sha256sums'; url: string; prefix: string }
  /** SUSE's `content` at the root of a medium before Leap 15 and SLES 15: lines `HASH SHA256 <hex>  boot/…`. */
  | { format: 'content'; url: string }
  /**
   * Ubuntu's `SHA256SUMS` beside the ISOs of the live server: those of a release come and go with its point releases. `guess` is the
   * address in the command line, `name` a pattern (source text of a RegExp) of what its file may be called.
   */
  | { format: 'isos'; url: string; guess: string; name: string };

/** What is needed to boot an installer. Pure data: nothing has been fetched yet. */
export interface InstallerPlan {
  /** In the install tree; without addresses where there is a medium, which has it. */
  kernel: MediaFile;
  ramdisk: MediaFile;
  indexes: MediaIndex[];
  /** Where the system is installed from its medium. */
  medium?: InstallMedium;
  /** Kernel command line; goes to the image property `os_command_line`. */
  commandLine: string;
  scriptKind: InstallScriptKind;
  /** How the script reaches the installer. */
  scriptTransport: ScriptTransport;
  /** Properties of the image that boots the installer, besides kernel_id, ramdisk_id and os_command_line. */
  bootImageProperties: Record<string, string>;
  /** Properties that the JEOS and the base image carry: os_distro, os_version, os_type, architecture, hw_*. */
  imageProperties: Record<string, string>;
  /** Properties that a snapshot inherits from the boot image and must lose. */
  strippedProperties: string[];
  /** Whether the system has no drivers for virtio devices; then those of a medium, or other devices. */
  lacksVirtio?: true;
  drivers?: DriversMedium;
  /** Patterns (source text of a RegExp) of console lines that mean the installation has failed. */
  failurePatterns: string[];
}

/** A medium with drivers that a system's installer lacks. */
export interface DriversMedium {
  url: string;
  /** Digest that it must have, as sha256:… or sha512:…. */
  checksum?: string;
}

/** A script for the guest, of the shell that it has, run by whoever may do everything; with a title for people. */
export interface GuestScript {
  title: string;
  script: string;
}

/** What is done in a guest, by the package manager that it has. */
export interface GuestTools {
  /** What its scripts are written for, and the template's commands. Default POSIX sh. */
  shell?: 'posix' | 'powershell';
  /** apt, yum, dnf, zypper, urpmi, pkg, choco; none where nothing can be done in the guest. */
  packageManager: string;
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

/** A version as numbers, most significant first: `12.04` is `[12, 4]`. What has no numbers (rawhide) is `[Infinity]`. */
export type Version = readonly number[];

/** Versions of a family that are built alike. */
export interface Release {
  /** First version, with all that begin with it: `5` has `5.1`. */
  from: string;
  /** Last version, with all that begin with it. */
  to: string;
  /** Architectures that it was published for. */
  arches: readonly Arch[];
  /** From what it can be installed here: `url` an install tree, `iso` its medium. Empty where `reason` says why not. */
  installTypes: readonly ('url' | 'iso')[];
  /** Why it cannot be installed from what is missing in `installTypes`. */
  reason?: string;
  scriptKind: InstallScriptKind;
  tools: GuestTools;
  /** How far a build of it was run: with its own installer; on the fake cloud; not at all. */
  tried: 'installed' | 'fake cloud' | 'not yet';
  /** What else is to be known, for people. */
  note?: string;
}

/** What lies where on a family's install medium. Paths on the medium, best first. Pure data. */
export interface IsoLayout {
  /** Kernel and ramdisk; absent where only the medium's own boot loader can start it. */
  boots?: { kernels: string[]; ramdisks: string[] };
  /** Where the script is put when the medium is made anew; absent where the installer cannot read it from there. */
  script?: {
    path: string;
    /** Word of the command line that names it there; absent where the installer looks there by itself. */
    argument?: string;
    /** Volume id of a small medium beside this one that it is put on instead, with the template's extras: this one cannot be made anew. */
    beside?: string;
  };
  /** Files that the medium must have for the installer to be followed on the console. */
  files?: { path: string; text: string }[];
}

/** The medium that a system is installed from. */
export interface InstallMedium extends IsoLayout {
  /** Where it is fetched from. */
  url: string;
  /** A checksum file that has it. */
  checksum?: { algorithm: 'md5' | 'sha1' | 'sha256'; url: string };
}

/** What we know of an OS family. Data first; functions where families differ. Pure. */
export interface OsFamily {
  /** debian, fedora: shapes digests, never renamed. */
  family: string;
  /** For people: "Red Hat Enterprise Linux". */
  title: string;
  /** Names as TDL writes them, compared without case; the first one is ours. */
  names: readonly string[];
  /** Whether a name may end in the major version: `RHEL-6`. */
  numberedNames?: boolean;
  /** From the oldest to the newest; what is newer than the last is built like it. */
  releases: readonly Release[];
  /** Last version whose OpenSSH may be older than 6.5, with all that begin with it. Default: none has such. */
  oldSshUpTo?: string;
  /** How versions are written, for people. */
  versions: string;
  /** The version that a template means; undefined for what is none. */
  versionOf(os: OsName): Version | undefined;
  /** The installer of a template whose version, architecture and way to install are known to fit. @throws FactoryError */
  installer(template: Template, version: Version): InstallerPlan;
}

/** What a template calls a system. */
export interface OsName {
  name: string;
  version: string;
}

/** A family, at the version that a template names. */
export interface OsProfile extends GuestTools {
  /** debian, fedora. */
  family: string;
  release: Release;
  version: Version;
  /** Whether its OpenSSH may be older than 6.5 (January 2014): no ed25519 keys, the oldest only SHA-1 key exchanges and CBC ciphers. */
  oldSsh?: true;
  scriptKind: InstallScriptKind;
  /** The installer of a template. @throws FactoryError UnsupportedOs */
  installer(template: Template): InstallerPlan;
}
