/** Quotes a text as one word of a POSIX shell: `it's` becomes `'it'\''s'`. */
export function quoteShellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
