/** Counts the lines of a text. Does not count the empty line after the last line feed. */
export function countLines(lines: readonly string[]): number {
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

/**
 * Finds the first line that is neither empty nor a comment (`#`), and trims it. Returns '' when there is no such line.
 */
export function findFirstStatement(text: string): string {
  for (const line of text.split('\n')) {
    const statement = line.trim();
    if (statement !== '' && !statement.startsWith('#')) return statement;
  }
  return '';
}

/** Finds the name of the root element of an XML document, or of its DOCTYPE; undefined when the text is no XML. */
export function findRootName(text: string): string | undefined {
  let at = 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at += 1;
    const [begin, end] = text.startsWith('<!--', at) ? ['<!--', '-->'] : ['<?', '?>'];
    if (!text.startsWith(begin, at)) break;
    const closed = text.indexOf(end, at + begin.length);
    if (closed < 0) return undefined;
    at = closed + end.length;
  }
  return /^<(?:!DOCTYPE\s+)?(?:[\w.-]+:)?([A-Za-z_][\w.-]*)/.exec(text.slice(at, at + 200))?.[1];
}
