import { listScriptKinds } from '../scripts/kinds/registry.js';
import { findCommandPasswords } from './command-passwords.js';
import { findNamedPasswords } from './named-passwords.js';
import { findQuotedYamlPasswords } from './quoted-yaml-passwords.js';
import { findShellPasswords, listReadings } from './shell-passwords.js';
import { findXmlPasswords } from './xml-passwords.js';

/** Keys whose value is a password, in cloud-config, autoinstall and Agama's profile. */
const KEYS = 'password|passwd|hashed_passwd|hashed-password|plain_text_passwd|passphrase|registrationCode';

/**
 * Patterns that find passwords in a script; the first group is the password. No pattern may search from every character
 * of a long text to its end, because that takes too long.
 */
const PATTERNS: RegExp[] = [
  new RegExp(
    String.raw`^[ \t-]*["']?(?:${KEYS}|token)["']?:(?:[ \t]+[&!]\S+){0,2}[ \t]+("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s#|>&*{[]\S*)`,
    'gm',
  ),
  // The same keys in JSON and in one line of YAML: Agama's profile, and cloud-config's users.
  new RegExp(
    String.raw`[{,][ \t]*["']?(?:${KEYS})["']?[ \t]*:[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s"'{[,}\]][^\s,}\]]*)`,
    'g',
  ),
  // The first line of a YAML block (`|` or `>`) that is the value of such a key.
  new RegExp(
    String.raw`^[ \t-]*["']?(?:${KEYS}|token)["']?:(?:[ \t]+[&!]\S+){0,2}[ \t]+[|>][-+\d]*[ \t]*\r?\n[ \t]+(\S.*)`,
    'gm',
  ),
  // The value of such a key on the next line, without quotes.
  new RegExp(
    String.raw`^[ \t-]*["']?(?:${KEYS}|token)["']?:(?:[ \t]+[&!]\S+){0,2}[ \t]*\r?\n[ \t]+([^\s"'#|>&*{[!-]\S*)[ \t\r]*$(?<!:)`,
    'gm',
  ),
  // GRUB's configuration language. Shell commands in a script write such lines into GRUB's files.
  /\bpassword(?:_pbkdf2[ \t]+\S+|[ \t]+--(?:md5|encrypted))[ \t]+([\w.$/]+)/g,
  ...listScriptKinds().flatMap(([, { passwords }]) => passwords ?? []),
];

/** The key of an encrypted disk in the storage configuration of autoinstall and curtin. */
const DISK_KEY = /(?:^|[{,])[ \t-]*["']?key["']?[ \t]*:[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s"'{[,}\]][^\s,}\]]*)/gm;

/** The same list as the only text of its key. */
const PAIRS_TEXT = /\blist["']?:[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*')/g;

/** The list in cloud-config's `chpasswd`, with a line `user:password` for each user. */
const PAIRS = /^[ \t]*list:[ \t]*(?:\|[-+]?[ \t]*)?\r?\n((?:[ \t]+\S.*(?:\r?\n|$))+)/gm;

/**
 * Values that are no passwords, although they stand where a password is expected: locked accounts, empty answers,
 * YAML's tags, the sources of `passwd` in nsswitch.conf, and variables.
 */
const NO_PASSWORD =
  /^(?:[!*x]+|!!str|true|false|yes|no|none|null|compat|files|sss|systemd|\$[A-Za-z_]\w*|\$\{\w+\}|\$\([^)]*\))?$/i;

/** Finds the passwords and password hashes in an install script, without their quotes and without duplicates. */
export function findScriptPasswords(text: string): string[] {
  const script = text.replace(/^\uFEFF/, '');
  const readings = listReadings(script);
  const patterns = /\bdm_crypt\b/.test(script) ? [...PATTERNS, DISK_KEY] : PATTERNS;
  const placed = [...new Set([script, readings[0] ?? ''])].flatMap((reading) =>
    patterns.flatMap((pattern) => [...reading.matchAll(pattern)].flatMap(([, given = '']) => readValue(given.trim()))),
  );
  const pairs = [...script.matchAll(PAIRS_TEXT)].flatMap(([, text = '']) =>
    readValue(text).flatMap((lines) =>
      lines.split(/\\n|\n/).flatMap((line) => /^[\w.-]+:(\S+)$/.exec(line)?.[1] ?? []),
    ),
  );
  const listed = [...script.matchAll(PAIRS)].flatMap(([, lines = '']) =>
    lines.split('\n').flatMap((line) => /^[ \t]*(?:-[ \t]+)?["']?[\w.-]+:(\S+?)["']?[ \t\r]*$/.exec(line)?.[1] ?? []),
  );
  const quoted = findQuotedYamlPasswords(script, `${KEYS}|token`);
  const found = [
    ...placed,
    ...listed,
    ...pairs,
    ...quoted,
    ...findXmlPasswords(script),
    ...findPasswordsInCommands(script),
  ];
  return [...new Set(found.filter((password) => !NO_PASSWORD.test(password)))];
}

/** Finds the passwords in shell commands, and in the files that they write, without duplicates. */
export function findPasswordsInCommands(text: string): string[] {
  const found = [
    ...findShellPasswords(text),
    ...listReadings(text).flatMap((reading) => [...findNamedPasswords(reading), ...findCommandPasswords(reading)]),
  ];
  return [...new Set(found)].filter((password) => !NO_PASSWORD.test(password));
}

/** Returns a value in two forms, unescaped and as written. They differ when quotes contain escaped characters. */
function readValue(given: string): string[] {
  const written = given.replace(/^(["'])(.*)\1$/, '$2');
  return written === given ? [given] : [written.replace(/\\(["'\\$`])/g, '$1'), written];
}
