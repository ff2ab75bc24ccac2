import { once } from 'node:events';
import type { ServerChannel } from 'ssh2';
import { WINDOWS_FOLLOW, WINDOWS_RUNNER } from '../../../../src/guest/powershell-journal.js';
import * as scripts from '../../../../src/guest/powershell-scripts.js';
import { POWERSHELL_GUEST } from '../../../../src/guest/powershell.js';
import { POSIX } from '../../../../src/guest/posix.js';
import { quoteShellWord } from '../../../../src/guest/shell.js';
import { APT_TOOLS } from '../../../../src/os/families/debian/guest.js';
import * as tools from '../../../../src/os/families/windows/guest.js';

/*
 * This file takes the place of Windows PowerShell in a guest. It does not run PowerShell. It compares each script, byte
 * for byte, with the scripts that imagefactory sends, and translates it into the POSIX script with the same purpose. It
 * refuses all other scripts. Tests with this file show that a build of Windows sends only these scripts, in an order
 * and with values that work. The tests do not show that a real PowerShell accepts the scripts.
 */

type Value = string | number | boolean | string[];
type Values = Record<string, Value>;

/** A POSIX script that runs in the guest's container, and its standard input. */
export interface Translation {
  script: string;
  input: Buffer;
}

/** The user of a Windows guest. The fake sshd recognises a Windows guest by this name. */
export const WINDOWS_USER = 'Administrator';

/**
 * Reads the size in bytes of the script that comes at the beginning of the command's input. The command itself contains
 * this size. Returns undefined for a command that imagefactory does not send.
 */
function readScriptSize(command: string): number | undefined {
  const encoded = command.split(' ').at(-1) ?? '';
  const size = Number(/New-Object byte\[\] (\d+)/.exec(Buffer.from(encoded, 'base64').toString('utf16le'))?.[1]);
  const same = Number.isInteger(size) && POWERSHELL_GUEST.buildCommand('x'.repeat(size), '').command === command;
  return same ? size : undefined;
}

/** Translates a script into POSIX sh. @throws Error for an unknown script */
function translateScript(script: string, input: Buffer): Translation {
  const { values, body } = parseAssignments(script, SCRIPTS);
  const translate = SCRIPTS.get(body);
  if (translate === undefined) throw new Error(`not a script of imagefactory: ${body.slice(0, 200)}`);
  return translate(values, input);
}

const SCRIPTS = new Map<string, (values: Values, input: Buffer) => Translation>([
  [scripts.WHO_AM_I, (_values, input) => ({ script: 'id -u', input })],
  [scripts.WRITE_FILE, ({ path, size }, input) => ({ script: POSIX.writeFile({ path: toPosixPath(path), size: Number(size) }), input })], // prettier-ignore
  [scripts.ALLOW_KEY, ({ line }, input) => ({ script: POSIX.allowKey(WINDOWS_USER, String(line)), input })],
  [scripts.REVOKE_KEY, ({ blob }, input) => ({ script: POSIX.revokeKey(WINDOWS_USER, String(blob)), input })],
  [scripts.SUPERVISE, ({ work }) => translateShutDown(String(work))],
  [WINDOWS_FOLLOW, translateFollow],
  [tools.LIST_PROGRAMS, (_values, input) => ({ script: "dpkg-query -W -f='${Package}-${Version}\\n'", input })],
  [tools.LIST_PROGRAM_VERSIONS, (_values, input) => ({ script: "dpkg-query -W -f='${Package}\\t${Version}\\n'", input })], // prettier-ignore
]);

/**
 * The translations of the scripts that imagefactory runs as guest steps. The key is the script without the assignments
 * at its beginning.
 */
const STEPS = new Map<string, (values: Values) => string>([
  [tools.INSTALL_PACKAGES, ({ names }) => `apt-get install -y -- ${(names as string[]).map(quoteShellWord).join(' ')}`],
  [
    tools.ADD_SOURCE,
    ({ name, url }) => `printf '%s %s\\n' ${quoteShellWord(String(name))} ${quoteShellWord(String(url))} >>/etc/choco`,
  ],
  [tools.REMOVE_SOURCE, ({ name }) => `grep -v ${quoteShellWord(`^${String(name)} `)} /etc/choco >/etc/choco.new; mv /etc/choco.new /etc/choco`], // prettier-ignore
  [tools.CLEAN, ({ kept }) => APT_TOOLS.cleanGuest((kept as string[]).map(toPosixPath)).script],
]);

function translateFollow(values: Values, input: Buffer): Translation {
  const { name, round, anew, size, file, bom, timeout, earlier, runner } = values;
  if (runner !== WINDOWS_RUNNER) throw new Error('the value of $runner is not WINDOWS_RUNNER');
  if (input.length !== size)
    throw new Error(`the script of the step has ${input.length} bytes, but the value of $size is ${String(size)}`);
  if (file !== 'script.ps1' || bom !== true)
    throw new Error(`the fake PowerShell runs only script.ps1 with a byte order mark, not ${String(file)}`);
  const step = Buffer.from(translateStep(input.toString('utf8')));
  const script = POSIX.follow({ journal: POSIX.journal, name: String(name), round: String(round), forceRerun: anew === true, prefersBash: false, script: step, timeout: Number(timeout), earlier: Number(earlier) }); // prettier-ignore
  return { script, input: step };
}

/**
 * Translates the script of a step: a script of imagefactory, or a command of a template. A command may contain only the
 * lines that `translateLine` supports.
 */
function translateStep(script: string): string {
  const { values, body } = parseAssignments(script, STEPS);
  const known = STEPS.get(body);
  if (known !== undefined) return known(values);
  return body.trim().split(/\r?\n/).map(translateLine).join('\n');
}

function translateLine(line: string): string {
  const printed = /^Write-Output '([^']*)'$/.exec(line);
  if (printed !== null) return `printf '%s\\n' ${quoteShellWord(printed[1] ?? '')}`;
  const ended = /^exit (\d+)$/.exec(line);
  if (ended !== null) return `exit ${ended[1]}`;
  const wanted = /^if \(-not \(Test-Path '([^']+)'\)\) \{ exit 1 \}$/.exec(line);
  if (wanted !== null) return `[ -e ${quoteShellWord(toPosixPath(wanted[1] ?? ''))} ] || exit 1`;
  throw new Error(`the fake PowerShell cannot translate the line: ${line}`);
}

/** Translates `C:\Users\a.txt` into `/c/Users/a.txt`. */
function toPosixPath(path: Value | undefined): string {
  return String(path)
    .replace(/^([A-Za-z]):/, (_all, drive: string) => `/${drive.toLowerCase()}`)
    .replaceAll('\\', '/');
}

/** Translates the script with which imagefactory shuts a guest down. @throws Error for any other script */
function translateShutDown(work: string): Translation {
  const blob = String(parseAssignments(work).values['blob']);
  const cleanUp = POWERSHELL_GUEST.lastCleanUp;
  const { script: expected } = POWERSHELL_GUEST.shutDown({ blob, cleanUp, cleanAtShutdown: tools.CLEAN_AT_SHUTDOWN });
  if (parseAssignments(expected).values['work'] !== work)
    throw new Error('the script of SUPERVISE is not the script with which imagefactory shuts a guest down');
  const cleanAtShutdown = APT_TOOLS.cleanAtShutdown([]);
  const { script, input = '' } = POSIX.shutDown({ blob, cleanUp: POSIX.lastCleanUp, cleanAtShutdown });
  return { script, input: Buffer.from(input) };
}

const TEXT = String.raw`'(?:[^']|'')*'`;
const ASSIGNMENT = new RegExp(String.raw`^\$(\w+) = (${TEXT}|\d+|\$true|\$false|@\((?:${TEXT}(?:, ${TEXT})*)?\))\n`);

/**
 * Parses the assignments at the beginning of a script. Returns the rest of the script as `body`. Stops when the rest is
 * a key of `known`, because such a script may itself begin with assignments.
 */
function parseAssignments(script: string, known = new Map<string, unknown>()): { values: Values; body: string } {
  const values: Values = {};
  let body = script;
  for (let found = ASSIGNMENT.exec(body); found !== null && !known.has(body); found = ASSIGNMENT.exec(body)) {
    const [line, name = '', literal = ''] = found;
    values[name] = parseLiteral(literal);
    body = body.slice(line.length);
  }
  return { values, body };
}

function parseLiteral(literal: string): Value {
  if (literal.startsWith('$')) return literal === '$true';
  if (/^\d/.test(literal)) return Number(literal);
  const texts = [...literal.matchAll(new RegExp(TEXT, 'g'))].map(([text]) => text.slice(1, -1).replaceAll("''", "'"));
  return literal.startsWith('@') ? texts : (texts[0] ?? '');
}

/**
 * Reads a command and its whole input from an SSH channel of a Windows guest, and translates them for its container.
 *
 * @throws Error for an unknown command or script
 */
export async function translateCommand(
  channel: ServerChannel,
  command: string,
): Promise<Omit<Translation, 'script'> & { command: string }> {
  const size = readScriptSize(command);
  if (size === undefined) throw new Error(`'${command.slice(0, 80)}' is not recognized as a command of imagefactory`);
  const chunks: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!channel.readableEnded) await once(channel, 'end');
  const received = Buffer.concat(chunks);
  const { script, input } = translateScript(received.toString('utf8', 0, size), received.subarray(size));
  return { command: `sudo sh -c ${quoteShellWord(script)}`, input };
}
