/** Counts the lines of a text, without the empty one after the last line feed. */
export function countLines(lines: readonly string[]): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

/**
 * Checks whether `second` matches somewhere after the first match of `first`. One pattern for both would search the
 * text again for each match of `first`.
 */
export function isAfter(text: string, first: RegExp, second: RegExp): boolean {
  const found = first.exec(text);
  return found !== null && second.test(text.slice(found.index + found[0].length));
}
