/**
 * A word of a shell command: pieces with and without quotes. In XML scripts, a reference (`&quot;`) may replace a
 * character.
 */
const WORD = String.raw`(?:'[^'\n]*'|"(?:\\.|[^"\\\n])*"|\\.|&\w+;|[^\s'"\\|;&<>])+`;
// The repetitions have limits. Without them, the time for a long line of such words would grow with the square of its
// length.
const PRINTED = new RegExp(String.raw`\b(echo|printf)((?:[ \t]+${WORD}){1,30})[ \t]*\|([^\n|]{0,500})`, 'g');
const HERE_STRING = new RegExp(String.raw`\b((?:ch)?passwd\b[^\n|;<]{0,200})<<<[ \t]*(${WORD})`, 'g');
const HERE_DOCUMENT = /(?<!<)<<-?(?!<)[ \t]*["'\\]?(\w+)/;
// Matches the password hash in `-p HASH`, an option of useradd(8), usermod(8), groupadd(8) and groupmod(8).
const OPTION = new RegExp(
  String.raw`\b(?:user|group)(?:add|mod)\b[^\n|;]{0,300}?[ \t]-\w*p[ \t]+(?!\$\()(${WORD})`,
  'g',
);

/** Commands that read lines `user:password`. */
const READS_PAIRS = /\bchpasswd\b/;
/** Commands that read a password: passwd(1), run by itself or with --stdin, and FreeBSD's pw(8). */
const READS_PASSWORD =
  /^[ \t]*(?:(?:sudo|in-target|chroot[ \t]+\S+)[ \t]+)*(?:\S*\/)?passwd\b|\bpasswd\b.*[ \t]--?stdin\b|\bpw[ \t].*[ \t]-[hH][ \t]*0\b/;

/**
 * Finds the passwords and hashes that the shell commands of a script set, both as the commands receive them and as
 * written.
 */
export function findShellPasswords(script: string): string[] {
  return listReadings(script).flatMap((view) => [
    ...[...view.matchAll(PRINTED)].flatMap(([, command = '', given = '', reader = '']) => {
      const words = given.match(new RegExp(WORD, 'g')) ?? [];
      return findInInput(reader, [
        buildOutput(command, words.map(unquote)),
        buildOutput(command, words.map(stripQuotes)),
      ]);
    }),
    ...[...view.matchAll(HERE_STRING)].flatMap(([, reader = '', word = '']) =>
      findInInput(reader, [unquote(word), stripQuotes(word)]),
    ),
    ...findHereDocuments(view).flatMap((line) => findInInput('chpasswd', [line.replace(/\\([\\$`])/g, '$1'), line])),
    ...[...view.matchAll(OPTION)].flatMap(([, word = '']) => [unquote(word), stripQuotes(word)]),
  ]);
}

/**
 * Lists the forms in which a shell may read a script: as written, without the escapes of another shell's quotes around
 * it, and without the escapes of JSON.
 */
function listReadings(script: string): string[] {
  const joined = script.replace(/\\\r?\n/g, ' ');
  const ofJson = joined.replace(/\\(["\\/n])/g, (_found, character: string) => (character === 'n' ? '\n' : character));
  return [joined, joined.replaceAll("'\\''", "'"), ofJson];
}

/** Finds the lines of here-documents that chpasswd reads. A here-document without an end is skipped. */
function findHereDocuments(script: string): string[] {
  const found: string[][] = [];
  let document: { end: string; lines: string[] } | undefined;
  for (const line of script.split('\n')) {
    if (document === undefined) {
      const end = READS_PAIRS.test(line) ? HERE_DOCUMENT.exec(line)?.[1] : undefined;
      if (end !== undefined) document = { end, lines: [] };
    } else if (line.trim().split(/\W/, 1)[0] === document.end) {
      found.push(document.lines);
      document = undefined;
    } else {
      document.lines.push(line);
    }
  }
  return found.flat();
}

/** Finds the passwords in `texts`, which are the possible inputs of the command `reader`. */
function findInInput(reader: string, texts: string[]): string[] {
  const lines = texts.flatMap((text) => text.split(/\\n|\n/)).map((line) => line.trim());
  if (READS_PAIRS.test(reader)) return lines.flatMap((line) => /^[^:\s]+:(.+)$/.exec(line)?.[1] ?? []);
  return READS_PASSWORD.test(reader) ? lines : [];
}

/** Builds the output of echo or printf. */
function buildOutput(command: string, words: string[]): string {
  if (command === 'echo') return words.filter((word) => !/^-[neE]+$/.test(word)).join(' ');
  const [format = '', ...values] = words;
  const rounds = Math.max(1, values.length / Math.max(1, format.match(/%[sb]/g)?.length ?? values.length));
  return format.repeat(Math.ceil(rounds)).replace(/%[sb]/g, () => values.shift() ?? '');
}

/** Returns a word as the command receives it, without quotes and escapes. */
function unquote(word: string): string {
  return word.replace(
    /'([^'\n]*)'|"((?:\\.|[^"\\\n])*)"|\\(.)/g,
    (_found, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  );
}

/** Returns a word as it is written, without the quotes around it. */
function stripQuotes(word: string): string {
  return word.replace(/^["']|["']$/g, '');
}
