/**
 * A version as numbers, most significant first: `12.04` is `[12, 4]`. A version without numbers (rawhide) is
 * `[Infinity]`.
 */
export type Version = readonly number[];

/** Parses `12.04.5` to `[12, 4, 5]`; undefined for a text that is not one to three numbers with dots between them. */
export function parseVersion(text: string): Version | undefined {
  return /^\d{1,4}(\.\d{1,3}){0,2}$/.test(text) ? text.split('.').map(Number) : undefined;
}

/** Compares two versions: below zero when the first is older. A missing number counts as zero. */
export function compareVersions(a: Version, b: Version): number {
  for (let place = 0; place < Math.max(a.length, b.length); place++) {
    const [left, right] = [a[place] ?? 0, b[place] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Checks whether a version is equal to another version or newer. */
export function isFrom(version: Version, other: string): boolean {
  return compareVersions(version, parseVersion(other) ?? []) >= 0;
}

/**
 * Checks whether a version is equal to `last` or older. `12` includes every version that begins with it, so the result
 * is true for version `12.5` and last version `12`.
 */
export function isUpTo(version: Version, last: Version): boolean {
  return compareVersions(version.slice(0, last.length), last) <= 0;
}
