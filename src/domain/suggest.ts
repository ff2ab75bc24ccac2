import { closestMatch } from 'leven';

/**
 * Finds the known name that a mistyped name most likely means. Returns undefined when none is close: at most a third of
 * the letters may be wrong, or the mistyped name is the beginning of exactly one known name.
 */
export function suggestName(given: string, known: readonly string[]): string | undefined {
  const word = given.toLowerCase();
  const longer = word.length < 3 ? [] : known.filter((name) => name.startsWith(word));
  if (longer.length === 1) return longer[0];
  return closestMatch(word, known, { maxDistance: Math.max(1, Math.floor(word.length / 3)) });
}
