import type { Arch } from '../os/common/architectures.js';
import { formatReleaseRange } from '../os/profile/releases.js';
import type { OsFamily, Release } from '../os/profile/types.js';
import { FAMILIES, findFamily } from '../os/registry.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { findNearest } from '../tdl/nearest.js';
import { ClientError } from './errors.js';

/** A family of operating systems that images can be built of. */
export interface OperatingSystem {
  /** Short name: `debian`, `fedora`. */
  family: string;
  /** Name for people: "Red Hat Enterprise Linux". */
  title: string;
  /** The names that templates may use, compared without case. */
  names: readonly string[];
  /** How templates write its versions, for people. */
  versions: string;
  /** The versions, from the oldest to the newest. */
  releases: SupportedRelease[];
}

/** Versions of an operating system that are built alike. */
export interface SupportedRelease {
  /** First version; it stands for every version that begins with it: `5` for `5.1`. */
  from: string;
  /** Last version, in the same way. */
  to: string;
  /** Both in one text, for people: "10 to 13". */
  range: string;
  /** Architectures that it was published for. */
  arches: readonly Arch[];
  /** What it can be installed from: `url` an install tree, `iso` its medium. Empty when it cannot be installed. */
  installTypes: readonly ('url' | 'iso')[];
  /** Kind of the install script that its installer reads. */
  scriptKind: InstallScriptKind;
  /** Package manager that installs the template's packages. */
  packageManager: string;
  /** How far its build was tested: with its own installer, on a fake cloud, or not yet. */
  tried: Release['verified'];
  /** Why it cannot be installed in every way. */
  reason?: string;
  /** More to know, for people. */
  note?: string;
}

/** Lists the families of operating systems that images can be built of. */
export function listOperatingSystems(): OperatingSystem[] {
  return FAMILIES.map(describeFamily);
}

/**
 * Finds a family by its short name or by a name that templates use, without regard to case.
 *
 * @throws ClientError `UnknownSystem`; its hint lists the families
 */
export function findOperatingSystem(name: string): OperatingSystem {
  const found = FAMILIES.find(({ family }) => family === name.toLowerCase()) ?? findFamily(name);
  if (found !== undefined) return describeFamily(found);
  const known = FAMILIES.map(({ family }) => family);
  const meant = findNearest(name, [...known, ...FAMILIES.flatMap(({ names }) => names)]);
  throw new ClientError('UnknownSystem', `there is no plugin ${JSON.stringify(name)}`, {
    hint: `${meant === undefined ? '' : `is ${meant} meant? `}there are: ${known.join(', ')}`,
  });
}

function describeFamily(family: OsFamily): OperatingSystem {
  const { family: id, title, names, versions, releases } = family;
  return { family: id, title, names, versions, releases: releases.map((release) => describeRelease(family, release)) };
}

function describeRelease(family: OsFamily, release: Release): SupportedRelease {
  const { from, to, arches, installTypes, scriptKind, tools, verified: tried, reason, note } = release;
  return {
    from,
    to,
    range: formatReleaseRange(family, release),
    arches,
    installTypes,
    scriptKind,
    packageManager: tools.packageManager,
    tried,
    ...(reason === undefined ? {} : { reason }),
    ...(note === undefined ? {} : { note }),
  };
}
