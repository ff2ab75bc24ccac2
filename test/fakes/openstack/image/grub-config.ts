/** A word as GRUB reads it: letters, parts in quotes, and quotes that stand by themselves. */
const WORD = /(?:'[^']*'|\\.|[^\s'\\])+/g;

/** What the first kernel of a GRUB configuration is told; undefined when it starts none. */
export function grubCommandLine(config: string): string | undefined {
  const line = /^linux +(.*)$/m.exec(config)?.[1];
  const [, ...words] = line?.match(WORD) ?? [];
  return line === undefined ? undefined : words.map(unquoted).join(' ');
}

function unquoted(word: string): string {
  return word.replace(/'([^']*)'|\\(.)/g, (_whole, quoted?: string, escaped?: string) => quoted ?? escaped ?? '');
}
