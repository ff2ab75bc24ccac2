import { words } from '../guest/guest-scripts.js';
import { perl } from '../scripts/stock/auto-inst.js';
import { text as quotedXml } from '../scripts/stock/autounattend.js';
import { doubleQuoted } from '../scripts/stock/kickstart.js';
import { xml } from '../scripts/stock/suse.js';

const withoutQuotes = (text: string): string => text.slice(1, -1);
const shell = (text: string): string => withoutQuotes(words([text]));

/** How stock scripts write a text, without the quotes around it. */
const WAYS: ((text: string) => string)[] = [
  shell,
  // A shell's command within another's.
  (text) => shell(shell(text)),
  (text) => text.replace(/(["\\$`])/g, '\\$1'),
  (text) => withoutQuotes(doubleQuoted(text)),
  (text) => withoutQuotes(perl(text)),
  (text) => withoutQuotes(JSON.stringify(text)),
  xml,
  quotedXml,
];

/**
 * A text in every form in which a script may have it: as it is, in any of the languages, and in any of them within another (a shell's
 * command in JSON or YAML, say); each once.
 */
export function writtenForms(text: string): string[] {
  const inOne = [text, ...WAYS.map((way) => way(text))];
  return [...new Set([...inOne, ...WAYS.flatMap((way) => inOne.map(way))])];
}
