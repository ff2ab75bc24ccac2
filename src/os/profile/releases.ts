import { compareVersions, isUpTo, type Version } from '../common/versions.js';
import type { OsFamily, OsName, Release } from './types.js';

/**
 * Reads a bound (`from`, `to` or `oldSshUpTo`) with the family's own `readVersion`, like a template's version, because
 * some families do not order their versions by number.
 */
function readBound(family: OsFamily, text: string): Version {
  return family.readVersion({ name: family.names[0] ?? '', version: text }) ?? [];
}

/** Checks whether this version of the family may have an OpenSSH that is older than 6.5. */
export function hasOldSsh(family: OsFamily, version: Version): boolean {
  return family.oldSshUpTo !== undefined && isUpTo(version, readBound(family, family.oldSshUpTo));
}

/**
 * The release whose data is used to build a version. `newer` is true when the version is newer than all known versions
 * (Fedora 99), or newer than the known updates of its release (RHEL 9.9).
 */
export interface FoundRelease {
  release: Release;
  version: Version;
  newer: boolean;
}

/** Finds the release of a family that a template's version belongs to; undefined for an unknown version. */
export function findRelease(family: OsFamily, os: OsName): FoundRelease | undefined {
  const version = family.readVersion(os);
  const newest = family.releases.at(-1);
  if (version === undefined || newest === undefined) return undefined;
  if (!isUpTo(version, readBound(family, newest.to))) return { release: newest, version, newer: true };
  const begun = family.releases.filter(({ from }) => compareVersions(version, readBound(family, from)) >= 0);
  const release = begun.find(({ to }) => isUpTo(version, readBound(family, to)));
  if (release !== undefined) return { release, version, newer: false };
  // The version may be an update that is newer than all known updates of an older release: RHEL 9.9.
  const updated = begun.at(-1);
  return updated && readBound(family, updated.to)[0] === version[0]
    ? { release: updated, version, newer: true }
    : undefined;
}

/**
 * Formats the versions of a release for people: "12", "5.04 to 7.10", "from 15" when there is no last version, and
 * "any" for a system without versions.
 */
export function formatReleaseRange(family: OsFamily, { from, to }: Release): string {
  if (to === '9999')
    return from === '0' && family.releases.length === 1 ? (family.versions.split(':')[0] ?? '') : `from ${from}`;
  return from === to ? from : `${from} to ${to}`;
}
