import { readFileSync } from 'node:fs';

/**
 * The lowest version of Node that the package runs on: `engines` of package.json, `>=MAJOR.MINOR.PATCH`.
 *
 * @returns {string} the version, without `>=`
 */
export function lowestNode() {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return JSON.parse(text).engines.node.replace('>=', '');
}

/**
 * Compares two versions of Node. This file must run on Nodes that are too old, so it has no dependency.
 *
 * @param {string} version such as `18.20.4`
 * @param {string} lowest the version that it must not be below
 * @returns {boolean} whether it is below
 */
export function isBelow(version, lowest) {
  const [numbers, limits] = [version, lowest].map((text) => text.split('.').map(Number));
  const at = limits.findIndex((limit, index) => limit !== numbers[index]);
  return at >= 0 && numbers[at] < limits[at];
}
