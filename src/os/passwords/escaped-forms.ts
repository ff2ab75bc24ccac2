import { quoteWords } from '../guest/guest-scripts.js';
import { listScriptKinds } from '../scripts/kinds/registry.js';

/** Escapes a text for single quotes of a shell. */
const escapeShell = (text: string): string => quoteWords([text]).slice(1, -1);

/** How stock scripts escape a text, without the quotes around it. */
const ESCAPES: ((text: string) => string)[] = [
  escapeShell,
  // A shell's command within another's.
  (text) => escapeShell(escapeShell(text)),
  (text) => text.replace(/(["\\$`])/g, '\\$1'),
  ...listScriptKinds().flatMap(([, { escape }]) => escape ?? []),
];

/**
 * Lists every form in which a script may contain a text: unescaped, escaped for one language, and escaped for one
 * within another (a shell's command in JSON or YAML, for example). Each form once.
 */
export function listEscapedForms(text: string): string[] {
  const inOne = [text, ...ESCAPES.map((escape) => escape(text))];
  return [...new Set([...inOne, ...ESCAPES.flatMap((escape) => inOne.map(escape))])];
}
