import { closestMatch } from 'leven';

/**
 * Finds the known word that was probably meant: the most similar one, or undefined if all are too different: at most a
 * third of the letters may be wrong. Ignores case.
 */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = word.toLowerCase();
  const names = known.map((name) => name.toLowerCase());
  const best = closestMatch(wanted, names, { maxDistance: Math.max(1, Math.floor(wanted.length / 3)) });
  return best === undefined ? undefined : known[names.indexOf(best)];
}

/**
 * Writes the hint for an unknown name: asks for the one that was probably meant, if any, and lists the known ones.
 *
 * @param list the words before the list: "the targets are"
 */
export function hintAtNames(meant: string | undefined, list: string, known: readonly string[]): string {
  const names = `${list} ${known.join(', ')}`;
  return meant === undefined ? names : `did you mean ${meant}? ${names.charAt(0).toUpperCase()}${names.slice(1)}`;
}

/**
 * Finds the known name that a mistyped name most likely means: the only one of which it is the beginning, else the
 * nearest one. Returns undefined when none is near.
 */
export function suggestName(given: string, known: readonly string[]): string | undefined {
  const word = given.toLowerCase();
  const longer = word.length < 3 ? [] : known.filter((name) => name.startsWith(word));
  return longer.length === 1 ? longer[0] : findNearest(word, known);
}
