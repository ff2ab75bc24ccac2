import type { Arch } from '../os/common/architectures.js';
import { formatReleaseRange } from '../os/profile/releases.js';
import type { OsFamily, Release } from '../os/profile/types.js';
import { findFamily, FAMILIES } from '../os/registry.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { findNearest, hintAtNames } from '../domain/nearest.js';
import { ClientError } from './errors.js';

/** A family of operating systems that images can be built of. */
export interface OperatingSystem {
  /** Short name: `debian`, `fedora`. */
  family: string;
  /** Name for people: "Red Hat Enterprise Linux". */
  title: string;
  /** The names that templates may use, compared without case. */
  names: readonly string[];
  /** Describes for people how templates write the versions. */
  versions: string;
  /** The versions, from the oldest to the newest. */
  releases: SupportedRelease[];
}

/** Versions of an operating system that are built alike. */
export interface SupportedRelease {
  /** First version. It includes every version that begins with it: `5` includes `5.1`. */
  from: string;
  /** Last version. It includes every version that begins with it. */
  to: string;
  /** `from` and `to` in one text, for people: "10 to 13". */
  range: string;
  /** Architectures that the release was published for. */
  arches: readonly Arch[];
  /** Sources to install the release from: `url` is an install tree, `iso` is a medium. Empty when there is none. */
  installTypes: readonly ('url' | 'iso')[];
  /** Kind of the install script that the release's installer reads. */
  scriptKind: InstallScriptKind;
  /** Package manager that installs the template's packages. */
  packageManager: string;
  /** How far a build of the release was tested: with the release's own installer, on a fake cloud, or not yet. */
  verified: Release['verified'];
  /**
   * If `installTypes` lacks `url` or `iso`: why the release cannot be installed from this source. Unset when no reason
   * is known.
   */
  reason?: string;
  /** Other facts for people. */
  note?: string;
}

/** Lists the families of operating systems that images can be built of. */
export function listOperatingSystems(): OperatingSystem[] {
  return FAMILIES.map(describeFamily);
}

/**
 * Finds a family by its short name or by a name that templates use, without regard to case.
 *
 * @throws ClientError `UnknownSystem` when there is no such family; the hint lists the families
 */
export function findOperatingSystem(name: string): OperatingSystem {
  const found = FAMILIES.find(({ family }) => family === name.toLowerCase()) ?? findFamily(name);
  if (found !== undefined) return describeFamily(found);
  const known = FAMILIES.map(({ family }) => family);
  const meant = findNearest(name, [...known, ...FAMILIES.flatMap(({ names }) => names)]);
  throw new ClientError('UnknownSystem', `there is no plugin ${JSON.stringify(name)}`, {
    hint: hintAtNames(meant, 'the plugins are', known),
  });
}

function describeFamily(family: OsFamily): OperatingSystem {
  const { family: id, title, names, versions, releases } = family;
  return { family: id, title, names, versions, releases: releases.map((release) => describeRelease(family, release)) };
}

function describeRelease(family: OsFamily, release: Release): SupportedRelease {
  const { from, to, arches, installTypes, scriptKind, tools, verified, reason, note } = release;
  return {
    from,
    to,
    range: formatReleaseRange(family, release),
    arches,
    installTypes,
    scriptKind,
    packageManager: tools.packageManager,
    verified,
    ...(reason === undefined ? {} : { reason }),
    ...(note === undefined ? {} : { note }),
  };
}
