import { FactoryError } from './errors.js';
import { findNearest, hintAtNames } from './nearest.js';
import { REFUSED_TARGETS, TARGETS, type Target } from './targets.js';

/**
 * Finds a target by its name or by one of its other names. Ignores case.
 *
 * @throws FactoryError InvalidParameter when the name is unknown, when the service has ended, or when the target is not
 *   built yet. The hint says what to take instead.
 */
export function findTarget(name: string): Target {
  const wanted = name.trim().toLowerCase();
  const found = TARGETS.find((target) => target.name === wanted || target.aliases.includes(wanted));
  if (found !== undefined) return found;
  const refused = REFUSED_TARGETS.find(({ names }) => names.includes(wanted));
  if (refused !== undefined) {
    throw new FactoryError('InvalidParameter', `target ${wanted}: ${refused.why}`, { hint: refused.instead });
  }
  const names = TARGETS.map((target) => target.name);
  const meant = findNearest(wanted, [...names, ...TARGETS.flatMap(({ aliases }) => aliases)]);
  throw new FactoryError('InvalidParameter', `there is no target ${JSON.stringify(name)}`, {
    hint: hintAtNames(meant, 'the targets are', names),
  });
}
