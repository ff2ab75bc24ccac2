import { isSecretName } from './secret-names.js';
import { readWord, WORD } from './shell-word.js';

/** A value: in quotes, as YAML and JSON write them, or up to a character that ends it in some language. */
const VALUE = /"((?:\\.|[^"\\\n]){0,4096})"|'((?:''|[^'\n]){0,4096})'|([^\s"'<>|;&(){}[\]][^\s"'<>|;&)}\]]{0,4095})/y;
/** A value in a shell, where pieces in several quotes may follow each other: 'it'\''s'. */
const SHELL_VALUE = new RegExp(WORD, 'y');
// The repetitions have limits, and a name begins only where no name goes on. Without this, the time for a long text of
// such characters would grow with the square of its length.
const NAME = String.raw`[A-Za-z_][\w.-]{0,63}`;
/** What stands before a value, with the name of the value in the first group. */
const NAMES = [
  // NAME=VALUE, NAME: VALUE and NAME => VALUE, with or without quotes around the name: assignments of shells, INI
  // files, mount options, YAML, JSON, Perl and attributes of XML.
  new RegExp(String.raw`(?<![\w.])(${NAME})["']?[ \t]{0,20}(?:=>|[:=])[ \t]{0,20}`, 'g'),
  // --name VALUE, PowerShell's -Name VALUE
  new RegExp(String.raw`(?<![\w-])--?(${NAME})[ \t]{1,20}`, 'g'),
  // The long form of a key in YAML: `? password`, and the value on the next line behind a colon.
  new RegExp(String.raw`^[ \t]*\?[ \t]+["']?(${NAME})["']?[ \t]*\r?\n[ \t]*:[ \t]+`, 'gm'),
];
/** The rest of a line of YAML, because a value without quotes may have spaces. */
const YAML_LINE = new RegExp(String.raw`^[ \t-]*["']?(${NAME})["']?[ \t]*:[ \t]+([^\s"'#|>&*{[!][^\n]{0,4095})`, 'gm');

/**
 * Words that are no secrets: they say what to do with a password, or are the sources of `passwd` in nsswitch.conf, or
 * the passes of Windows' answer files.
 */
const PLAIN_WORDS = [
  'always|ask|boolean|default|disabled?|enabled?|env|false|file|never|no|none|null|off|on|optional|password|prompt',
  'required?|stdin|string|true|yes|compat|files|sss|systemd',
  'auditSystem|auditUser|generalize|offlineServicing|oobeSystem|specialize|windowsPE',
].join('|');
/** A plain word, or a reference to a variable: `$NAME`, `${NAME}`, `$(command)`, `%NAME%`, `@NAME@`. */
const NO_VALUE = new RegExp(String.raw`^(?:${PLAIN_WORDS}|\$\w+|\$[({].*|%.*%|@.*@)$`, 'i');
/** Minimum length of a value, in characters. The masker masks no shorter text. */
const SHORTEST = 4;
/** A file, or the next option. A password that begins so is in quotes. */
const NO_PLAIN_VALUE = /^[-/]/;

/**
 * Finds the values whose names say that they are secrets, in any language of install scripts: see {@link isSecretName}.
 * Returns each value as its reader sees it, and as it is written when that differs.
 */
export function findNamedPasswords(script: string): string[] {
  const found: string[] = [];
  for (const pattern of NAMES) {
    for (const { 0: before, 1: name = '', index } of script.matchAll(pattern)) {
      if (isSecretName(name)) found.push(...readValue(script, index + before.length));
    }
  }
  for (const { 1: name = '', 2: line = '' } of script.matchAll(YAML_LINE)) {
    const words = line
      .replace(/[ \t]#.*/, '')
      .trim()
      .split(/\s+/);
    if (words.length > 1 && isSecretName(name) && !words.every((word) => NO_VALUE.test(word)))
      found.push(words.join(' '));
  }
  return [...new Set(found)];
}

/** Reads the value at an offset, in every way in which it may be read. Returns an empty list when it is no secret. */
function readValue(script: string, at: number): string[] {
  VALUE.lastIndex = at;
  const [, double, single, plain] = VALUE.exec(script) ?? [];
  const written = double ?? single ?? plain ?? '';
  if (written === '' || NO_VALUE.test(written) || (plain !== undefined && NO_PLAIN_VALUE.test(plain))) return [];
  SHELL_VALUE.lastIndex = at;
  // In a shell, a value goes on when a quote or a backslash follows its first piece.
  const goesOn = plain === undefined && /["'\\]/.test(script.charAt(VALUE.lastIndex));
  const word = goesOn ? (SHELL_VALUE.exec(script)?.[0] ?? '') : '';
  const whole = written.replace(/,$/, '');
  return [
    whole.replace(/\\(["'\\$`])/g, '$1'),
    whole,
    ...(single === undefined ? [] : [single.replaceAll("''", "'")]),
    ...(word === '' ? [] : readWord(word)),
    // In a list of options (`username=me,password=hush,uid=0`), the value ends at the comma.
    ...(plain?.split(',', 1) ?? []),
  ].filter(({ length }) => length >= SHORTEST);
}
