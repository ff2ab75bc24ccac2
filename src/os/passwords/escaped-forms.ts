import { quoteWords } from '../guest/guest-scripts.js';
import { listScriptKinds } from '../scripts/kinds/registry.js';

/** Escapes a text for single quotes of a shell. */
const escapeShell = (text: string): string => quoteWords([text]).slice(1, -1);

/** How stock scripts escape a text, without the quotes around it. */
const ESCAPES: ((text: string) => string)[] = [
  escapeShell,
  // For a shell command inside another shell command.
  (text) => escapeShell(escapeShell(text)),
  (text) => text.replace(/(["\\$`])/g, '\\$1'),
  ...listScriptKinds().flatMap(([, { escape }]) => escape ?? []),
];

/**
 * Lists every form in which a script may contain a text: unescaped, escaped for one language, and escaped for a
 * language inside another one (a shell command in JSON or YAML, for example). The list has no duplicates.
 */
export function listEscapedForms(text: string): string[] {
  const inOne = [text, ...ESCAPES.map((escape) => escape(text))];
  return [...new Set([...inOne, ...ESCAPES.flatMap((escape) => inOne.map(escape))])];
}
