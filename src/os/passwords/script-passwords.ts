import { listScriptKinds } from '../scripts/kinds/registry.js';
import { findShellPasswords } from './shell-passwords.js';

/** Keys whose value is a password, in cloud-config, autoinstall and Agama's profile. */
const KEYS = 'password|passwd|hashed_passwd|hashed-password|plain_text_passwd|passphrase|registrationCode';

/**
 * Patterns of the places of passwords; the first group is the password. No pattern may search from every character of a
 * long text to its end.
 */
const PATTERNS: RegExp[] = [
  new RegExp(
    String.raw`^[ \t-]*["']?(?:${KEYS}|token)["']?:[ \t]+("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s#|>&*{[]\S*)`,
    'gm',
  ),
  // The same in JSON and in one line of YAML: Agama's profile, and cloud-config's users.
  new RegExp(
    String.raw`[{,][ \t]*["']?(?:${KEYS})["']?[ \t]*:[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s"'{[,}\]][^\s,}\]]*)`,
    'g',
  ),
  ...listScriptKinds().flatMap(([, { passwords }]) => passwords ?? []),
];

/** The lines of cloud-config's chpasswd: `user:password` each. */
const PAIRS = /^[ \t]*list:[ \t]*(?:\|[-+]?[ \t]*)?\r?\n((?:[ \t]+\S.*(?:\r?\n|$))+)/gm;

/** Values in the place of a password that are no passwords: locked accounts, and empty answers. */
const NO_PASSWORD = /^(?:[!*x]+|true|false|yes|no|none|null)?$/i;

/** Finds the passwords and password hashes in an install script, without their quotes; each once. */
export function findScriptPasswords(text: string): string[] {
  const script = text.replace(/^\uFEFF/, '');
  const placed = PATTERNS.flatMap((pattern) =>
    [...script.matchAll(pattern)].flatMap(([, given = '']) => readValue(given.trim())),
  );
  const listed = [...script.matchAll(PAIRS)].flatMap(([, lines = '']) =>
    lines.split('\n').flatMap((line) => /^[ \t]*(?:-[ \t]+)?["']?[\w.-]+:(\S+?)["']?[ \t\r]*$/.exec(line)?.[1] ?? []),
  );
  const found = [...placed, ...listed, ...findShellPasswords(script)];
  return [...new Set(found.filter((password) => !NO_PASSWORD.test(password)))];
}

/** Reads a value in two forms, unescaped and as written: they differ where quotes contain escaped characters. */
function readValue(given: string): string[] {
  const written = given.replace(/^(["'])(.*)\1$/, '$2');
  return written === given ? [given] : [written.replace(/\\(["'\\$`])/g, '$1'), written];
}
