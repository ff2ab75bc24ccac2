import type { OsFamily, OsName, Release, Version } from './types.js';

/** `12.04.5` as `[12, 4, 5]`; undefined for what is not up to three numbers with dots between. */
export function numbersOf(text: string): Version | undefined {
  return /^\d{1,4}(\.\d{1,3}){0,2}$/.test(text) ? text.split('.').map(Number) : undefined;
}

/** Below zero when the first is older. What one has not counts as zero. */
export function compareVersions(a: Version, b: Version): number {
  for (let place = 0; place < Math.max(a.length, b.length); place++) {
    const [left, right] = [a[place] ?? 0, b[place] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Whether a version is at least another. */
export function isFrom(version: Version, other: string): boolean {
  return compareVersions(version, numbersOf(other) ?? []) >= 0;
}

/** Whether a version is at most another, which stands for all that begin with it: `12.5` is within `12`. */
function isUpTo(version: Version, last: Version): boolean {
  return compareVersions(version.slice(0, last.length), last) <= 0;
}

/** The releases of a family whose versions are ordered otherwise than their numbers need their bounds read the same way. */
function boundOf(family: OsFamily, text: string): Version {
  return family.versionOf({ name: family.names[0] ?? '', version: text }) ?? [];
}

/** Whether the OpenSSH of a family's version may be older than 6.5. */
export function hasOldSsh(family: OsFamily, version: Version): boolean {
  return family.oldSshUpTo !== undefined && isUpTo(version, boundOf(family, family.oldSshUpTo));
}

/** A version's release, and whether it is newer than all that are known. */
export interface FoundRelease {
  release: Release;
  version: Version;
  newer: boolean;
}

/** Which release of a family a version is. */
export function releaseOf(family: OsFamily, os: OsName): FoundRelease | undefined {
  const version = family.versionOf(os);
  const newest = family.releases.at(-1);
  if (version === undefined || newest === undefined) return undefined;
  if (!isUpTo(version, boundOf(family, newest.to))) return { release: newest, version, newer: true };
  const begun = family.releases.filter(({ from }) => compareVersions(version, boundOf(family, from)) >= 0);
  const release = begun.find(({ to }) => isUpTo(version, boundOf(family, to)));
  if (release !== undefined) return { release, version, newer: false };
  // An update that came after those that are known, of an older release: RHEL 9.9.
  const updated = begun.at(-1);
  return updated && boundOf(family, updated.to)[0] === version[0]
    ? { release: updated, version, newer: true }
    : undefined;
}

/** "12", "5.04 to 7.10"; for a system without versions "any". */
export function formatReleaseRange(family: OsFamily, { from, to }: Release): string {
  if (to === '9999')
    return from === '0' && family.releases.length === 1 ? (family.versions.split(':')[0] ?? '') : `from ${from}`;
  return from === to ? from : `${from} to ${to}`;
}
