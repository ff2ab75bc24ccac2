import type { Template } from '../../tdl/types.js';
import type { Arch } from '../common/architectures.js';
import type { Version } from '../common/versions.js';
import type { GuestTools } from '../guest/guest-tools.js';
import type { InstallerPlan } from '../installer/types.js';
import type { InstallScriptKind } from '../scripts/kinds/registry.js';

/** A range of versions of a family that are built in the same way. */
export interface Release {
  /** The first version of the range. `5` includes `5.1`. */
  from: string;
  /** The last version of the range. `5` includes every version that begins with it, such as `5.11`. */
  to: string;
  /** Architectures that these versions were published for. */
  arches: readonly Arch[];
  /**
   * Types of `<install>` that we can build these versions from: `url` is an install tree, `iso` is the install medium.
   * Empty when they cannot be built; then `reason` says why.
   */
  installTypes: readonly ('url' | 'iso')[];
  /**
   * Why these versions cannot be built from one of the types, or from any type. Unset when `installTypes` has both
   * types.
   */
  reason?: string;
  scriptKind: InstallScriptKind;
  tools: GuestTools;
  /**
   * How builds of these versions were tested. `installed`: with the system's own installer. `fake cloud`: only on the
   * fake cloud. `not yet`: not at all.
   */
  verified: 'installed' | 'fake cloud' | 'not yet';
  /** Other facts about these versions, for the documentation. */
  note?: string;
}

/** An OS family: data, and functions where the families differ. The functions have no side effects. */
export interface OsFamily {
  /** The family's id: `debian`, `fedora`. It is part of digests, so it must never change. */
  family: string;
  /** The name in texts for people: "Red Hat Enterprise Linux". */
  title: string;
  /** Names that a template's `<name>` may have, in upper or lower case. Messages use the first one. */
  names: readonly string[];
  /** Whether a name may end in the major version: `RHEL-6`. */
  numberedNames?: boolean;
  /**
   * The releases, from the oldest to the newest. A version that is newer than the last one is built like the last one.
   */
  releases: readonly Release[];
  /**
   * The last version whose OpenSSH may be older than 6.5, including every version that begins with it. Unset when no
   * version has an OpenSSH older than 6.5.
   */
  oldSshUpTo?: string;
  /**
   * The first version whose installer needs the usual memory, which is `ScriptKind.memory`; earlier versions need less.
   * Unset when all versions need the usual memory.
   */
  usualMemoryFrom?: string;
  /** Code names of releases, in lower case, and the version number that a template must have instead. */
  codeNames?: Readonly<Record<string, string>>;
  /** The known versions, in words for people: "5 to 13". */
  versions: string;
  /** Reads the version from a template's name and version; undefined when the family has no such version. */
  readVersion(os: OsName): Version | undefined;
  /**
   * Chooses the release data for a template whose install tree has a different installer than the release usually has.
   * Returns undefined for every other template.
   */
  chooseRelease?(os: Template['os'], found: { release: Release; version: Version }): Release | undefined;
  /**
   * Plans the installer of a template. The caller has checked that the family has this version, architecture and type
   * of `<install>`.
   * @throws FactoryError
   */
  planInstaller(template: Template, version: Version): InstallerPlan;
}

/** The `<name>` and the `<version>` of the system in a template. */
export interface OsName {
  name: string;
  version: string;
}

/** What we know about the system of a template: its family, its release and its tools. */
export interface OsProfile extends GuestTools {
  /** The family's id: `debian`, `fedora`. */
  family: string;
  release: Release;
  version: Version;
  /**
   * Set when the system's OpenSSH may be older than 6.5 (January 2014). Such versions do not support ed25519 keys; the
   * oldest ones support only SHA-1 key exchanges and CBC ciphers.
   */
  oldSsh?: true;
  /**
   * Set when the installer and the system need less memory than usual, because they are from a time when machines had
   * less.
   */
  smallMemory?: true;
  scriptKind: InstallScriptKind;
  /** Plans the installer of a template. @throws FactoryError UnsupportedOs */
  planInstaller(template: Template): InstallerPlan;
}
