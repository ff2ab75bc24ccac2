/** Returns the number of characters to add, remove or change to turn one word into the other (Levenshtein distance). */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * Finds the known word that was probably meant: the most similar one, or undefined if all are too different. Ignores
 * case.
 */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = word.toLowerCase();
  const ranked = known
    .map((name) => ({ name, away: distance(wanted, name.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  const best = ranked[0];
  return best !== undefined && best.away <= Math.max(1, Math.floor(wanted.length / 3)) ? best.name : undefined;
}
