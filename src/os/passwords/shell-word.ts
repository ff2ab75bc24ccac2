/**
 * Matches a word of a shell command: pieces with and without quotes. In XML scripts, a reference (`&quot;`) may replace
 * a character. It has a limit, because a search for several words of a long text without spaces would take too long.
 */
export const WORD = String.raw`(?:'[^'\n]*'|"(?:\\.|[^"\\\n])*"|\\.|&\w+;|[^\s'"\\|;&<>])+`;

/** Reads a word both as the command receives it and as it is written, without the quotes around it. */
export function readWord(word: string): string[] {
  return [unquote(word), stripQuotes(word)];
}

/** Returns a word as the command receives it, without quotes and escapes. */
export function unquote(word: string): string {
  return word.replace(
    /'([^'\n]*)'|"((?:\\.|[^"\\\n])*)"|\\(.)/g,
    (_found, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  );
}

/** Returns a word as it is written, without the quotes around it. */
export function stripQuotes(word: string): string {
  return word.replace(/^["']|["']$/g, '');
}
