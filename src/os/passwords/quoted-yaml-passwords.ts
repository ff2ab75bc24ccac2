/** Maximum length of a quoted value that we read, in characters. A longer value is no password. */
const LONGEST = 8192;

/** A value in YAML as its reader sees it, and what stands of it in the lines of the text. */
interface QuotedValue {
  value: string;
  /** The parts of the value, one for each line, as they are written. */
  lines: string[];
}

/**
 * Finds the quoted values of keys whose values are passwords, where the value begins on a later line than its key, or
 * has more than one line. PyYAML does not look at the indentation inside quotes, so each line may begin at column 0.
 *
 * @param keys a regular expression that matches such a key
 */
export function findQuotedYamlPasswords(text: string, keys: string): string[] {
  const start = new RegExp(
    String.raw`^[ \t-]*["']?(?:${keys})["']?[ \t]*:(?:[ \t]+[&!]\S+){0,2}[ \t]*(?:#.*)?(?:\r?\n[ \t]*)?(?=["'])`,
    'gm',
  );
  return [...text.matchAll(start)].flatMap(({ 0: before, index }) => {
    const from = index + before.length;
    const found = readQuoted(text, from);
    if (found === undefined || (found.lines.length === 1 && !before.includes('\n'))) return [];
    const { value, lines } = found;
    return [value, ...lines.filter((line) => line !== '')];
  });
}

/** Reads the quoted value that begins at an offset, as YAML 1.1 folds its lines. Undefined when it has no end. */
function readQuoted(text: string, from: number): QuotedValue | undefined {
  const piece = text.slice(from, from + LONGEST);
  const isDouble = piece.startsWith('"');
  const inside = (isDouble ? /^"((?:\\[^]|[^"\\])*)"/ : /^'((?:''|[^'])*)'/).exec(piece)?.[1];
  if (inside === undefined) return undefined;
  const lines = inside.split(/\r?\n/);
  // A single line break becomes a space, each further one a line break. A backslash at the end of a line joins two.
  const joined = isDouble ? inside.replace(/\\\r?\n[ \t]*/g, '') : inside;
  const folded = joined.replace(/[ \t]*\r?\n((?:[ \t]*\r?\n)*)[ \t]*/g, (_whole, more: string) =>
    more === '' ? ' ' : '\n'.repeat(more.split('\n').length - 1),
  );
  const value = isDouble ? folded.replace(/\\(["'\\])/g, '$1') : folded.replaceAll("''", "'");
  return { value, lines: lines.map((line) => line.trim()) };
}
