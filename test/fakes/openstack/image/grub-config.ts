/** A word in GRUB's syntax: characters, quoted parts and escaped characters. */
const WORD = /(?:'[^']*'|\\.|[^\s'\\])+/g;

/** Finds the command line of the first kernel in a GRUB configuration. Undefined when the text has no kernel. */
export function findCommandLine(config: string): string | undefined {
  const line = /^linux +(.*)$/m.exec(config)?.[1];
  const [, ...words] = line?.match(WORD) ?? [];
  return line === undefined ? undefined : words.map(unquote).join(' ');
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|\\(.)/g, (_whole, quoted?: string, escaped?: string) => quoted ?? escaped ?? '');
}
