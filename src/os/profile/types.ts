import type { Template } from '../../tdl/types.js';
import type { Arch } from '../common/architectures.js';
import type { Version } from '../common/versions.js';
import type { GuestTools } from '../guest/guest-tools.js';
import type { InstallerPlan } from '../installer/types.js';
import type { InstallScriptKind } from '../scripts/kinds/registry.js';

/** Versions of a family that are built alike. */
export interface Release {
  /** First version, and every version that begins with it: `5` includes `5.1`. */
  from: string;
  /** Last version, and every version that begins with it. */
  to: string;
  /** Architectures that it was published for. */
  arches: readonly Arch[];
  /** Ways to install it here: `url` an install tree, `iso` its medium. Empty where `reason` says why there is none. */
  installTypes: readonly ('url' | 'iso')[];
  /** Why the ways that `installTypes` lacks are not possible. */
  reason?: string;
  scriptKind: InstallScriptKind;
  tools: GuestTools;
  /** How far a build of it was run: with its own installer; on the fake cloud; not at all. */
  verified: 'installed' | 'fake cloud' | 'not yet';
  /** Other facts for people. */
  note?: string;
}

/** An OS family. Data first; functions where families differ. Pure. */
export interface OsFamily {
  /** debian, fedora. Enters digests, so it is never renamed. */
  family: string;
  /** For people: "Red Hat Enterprise Linux". */
  title: string;
  /** Names as TDL writes them, compared without case; the first one is preferred here. */
  names: readonly string[];
  /** Whether a name may end in the major version: `RHEL-6`. */
  numberedNames?: boolean;
  /** From the oldest to the newest; a version newer than the last release is built like the last release. */
  releases: readonly Release[];
  /** Last version whose OpenSSH may be older than 6.5, with all that begin with it. Default: no version has one. */
  oldSshUpTo?: string;
  /**
   * First version whose installer needs the memory that its script's kind states; earlier ones need less. Default: all.
   */
  usualMemoryFrom?: string;
  /** Code names of releases, in lower case, with the version number that TDL expects. */
  codeNames?: Readonly<Record<string, string>>;
  /** How versions are written, for people. */
  versions: string;
  /** Reads the version that a template means; undefined where it is not a version of this family. */
  readVersion(os: OsName): Version | undefined;
  /**
   * Plans the installer of a template whose version, architecture and way to install are known to fit.
   * @throws FactoryError
   */
  planInstaller(template: Template, version: Version): InstallerPlan;
}

/** The name and the version that a template gives a system. */
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
  /**
   * Whether its OpenSSH may be older than 6.5 (January 2014): no ed25519 keys, the oldest only SHA-1 key exchanges
   * and CBC ciphers.
   */
  oldSsh?: true;
  /** Whether its installer and its system are of a time in which machines had less memory. */
  smallMemory?: true;
  scriptKind: InstallScriptKind;
  /** Plans the installer of a template. @throws FactoryError UnsupportedOs */
  planInstaller(template: Template): InstallerPlan;
}
