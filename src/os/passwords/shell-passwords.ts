import { stripQuotes, unquote, WORD } from './shell-word.js';

/** The pipe behind a command, and the command that reads from it. The reader may stand on the next line. */
const PIPE = String.raw`[ \t]*\|[ \t]*\n?([^\n|]{0,500})`;
// The repetitions have limits. Without them, the time for a long line of such words would grow with the square of its
// length.
const PRINTED = new RegExp(String.raw`\b(echo|printf|yes)((?:[ \t]+${WORD}){1,30})${PIPE}`, 'g');
/** Several commands in parentheses or braces whose output goes through a pipe. */
const GROUP = new RegExp(String.raw`[({]([^\n|(){}]{1,500})[)}]${PIPE}`, 'g');
/** A command that reads the output of another one: `chpasswd < <(echo root:hush)`. */
const SUBSTITUTED = /<[ \t]{0,20}<\(([^\n()]{1,500})\)/g;
const PRINTS = new RegExp(String.raw`\b(echo|printf)((?:[ \t]+${WORD}){1,30})`, 'g');
const HERE_STRING = new RegExp(String.raw`<<<[ \t]*(${WORD})`, 'g');
const HERE_DOCUMENT = /(?<!<)<<-?(?!<)[ \t]*["'\\]?(\w+)/;
// Matches the password hash in `-p HASH`, an option of useradd(8), usermod(8), groupadd(8) and groupmod(8).
const OPTION = new RegExp(
  String.raw`\b(?:user|group)(?:add|mod)\b[^\n|;]{0,300}?[ \t]-\w*p[ \t]+(?!\$\()(${WORD})`,
  'g',
);

/** Commands that read lines `user:password`. */
const READS_PAIRS = /\bchpasswd\b/;
/** Commands that read only a password, or the same password twice. */
const READS_PASSWORD = [
  // passwd(1), run by itself or with --stdin, and FreeBSD's pw(8)
  /^[ \t]*(?:(?:sudo|in-target|chroot[ \t]+\S+)[ \t]+)*(?:\S*\/)?passwd\b/,
  /\bpasswd\b.*[ \t]--?stdin\b/,
  /\bpw[ \t].*[ \t]-[hH][ \t]*0\b/,
  // encrypted disks, Samba, Kerberos, the boot loader, openssl passwd, sudo, and logins to registries
  /\b(?:cryptsetup|geli|smbpasswd|kinit|kadmin|grub2?-(?:setpassword|mkpasswd-pbkdf2)|grub-crypt)\b/,
  /\bopenssl[ \t]+passwd\b.*[ \t]-stdin\b/,
  /\bsudo[ \t]+(?:-\w+[ \t]+)*-\w*S\b/,
  /[ \t]--(?:password|passphrase|token)-stdin\b/,
];

/**
 * Finds the passwords and hashes that the shell commands of a script set, both as the commands receive them and as
 * written.
 */
export function findShellPasswords(script: string): string[] {
  return listReadings(script).flatMap((view) => [
    ...[...view.matchAll(PRINTED)].flatMap(([, command = '', given = '', reader = '']) =>
      findInInput(reader, buildOutputs(command, given)),
    ),
    ...[...view.matchAll(GROUP)].flatMap(([, commands = '', reader = '']) => findInCommands(reader, commands)),
    ...[...view.matchAll(SUBSTITUTED)].flatMap(({ 1: commands = '', index }) =>
      findInCommands(readCommandBefore(view, index), commands),
    ),
    ...[...view.matchAll(HERE_STRING)].flatMap(({ 1: word = '', index }) =>
      findInInput(readCommandBefore(view, index), [unquote(word), stripQuotes(word)]),
    ),
    ...findInHereDocuments(view),
    ...[...view.matchAll(OPTION)].flatMap(([, word = '']) => [unquote(word), stripQuotes(word)]),
  ]);
}

/** Returns the command that stands before an offset, from its beginning: at most 200 characters. */
function readCommandBefore(script: string, at: number): string {
  return /[^\n|;<]*$/.exec(script.slice(Math.max(0, at - 200), at))?.[0] ?? '';
}

/**
 * Lists the forms in which a shell may read a script: as written, without the escapes of another shell's quotes around
 * it, and without the escapes of JSON.
 */
export function listReadings(script: string): string[] {
  const joined = script.replace(/\\\r?\n/g, ' ');
  const ofJson = joined.replace(/\\(["\\/n])/g, (_found, character: string) => (character === 'n' ? '\n' : character));
  return [...new Set([joined, joined.replaceAll("'\\''", "'"), ofJson])];
}

/** Finds the passwords in here-documents. A here-document without an end is skipped. */
function findInHereDocuments(script: string): string[] {
  const found: string[] = [];
  let document: { end: string; reader: string; lines: string[] } | undefined;
  for (const line of script.split('\n')) {
    if (document === undefined) {
      const end = line.length > 2000 ? undefined : HERE_DOCUMENT.exec(line)?.[1];
      // The document may go through a pipe to its reader: cat <<END | chpasswd
      const reader = end === undefined ? undefined : [line, ...line.split('|')].find(readsSecrets);
      if (end !== undefined && reader !== undefined) document = { end, reader, lines: [] };
    } else if (line.trim().split(/\W/, 1)[0] === document.end) {
      const { reader, lines } = document;
      found.push(
        ...findInInput(
          reader,
          lines.flatMap((text) => [text.replace(/\\([\\$`])/g, '$1'), text]),
        ),
      );
      document = undefined;
    } else {
      document.lines.push(line);
    }
  }
  return found;
}

function readsSecrets(reader: string): boolean {
  return READS_PAIRS.test(reader) || READS_PASSWORD.some((pattern) => pattern.test(reader));
}

/** Finds the passwords that several commands print together. */
function findInCommands(reader: string, commands: string): string[] {
  if (!readsSecrets(reader)) return [];
  const printed = [...commands.matchAll(PRINTS)];
  return findInInput(
    reader,
    printed.flatMap(([, command = '', given = '']) => buildOutputs(command, given)),
  );
}

/** Finds the passwords in `texts`, which are the possible inputs of the command `reader`. */
function findInInput(reader: string, texts: string[]): string[] {
  if (!readsSecrets(reader)) return [];
  const lines = texts.flatMap((text) => text.split(/\\n|\n/)).map((line) => line.trim());
  if (READS_PAIRS.test(reader)) return lines.flatMap((line) => /^[^:\s]+:(.+)$/.exec(line)?.[1] ?? []);
  return lines.filter((line) => !/^\$(?:\w+$|[({])/.test(line));
}

/** Builds the possible outputs of a command that prints its words: with the quotes removed, and as written. */
function buildOutputs(command: string, given: string): string[] {
  const words = given.match(new RegExp(WORD, 'g')) ?? [];
  return [buildOutput(command, words.map(unquote)), buildOutput(command, words.map(stripQuotes))];
}

/** Builds the output of echo, printf or yes. */
function buildOutput(command: string, words: string[]): string {
  if (command !== 'printf') return words.filter((word) => !/^-[neE]+$/.test(word)).join(' ');
  const [format = '', ...values] = words;
  const rounds = Math.max(1, values.length / Math.max(1, format.match(/%[sb]/g)?.length ?? values.length));
  return format.repeat(Math.ceil(rounds)).replace(/%[sb]/g, () => values.shift() ?? '');
}
