import { once } from 'node:events';
import type { ServerChannel } from 'ssh2';
import { WINDOWS_FOLLOW, WINDOWS_RUNNER } from '../../../../src/guest/powershell-journal.js';
import * as ours from '../../../../src/guest/powershell-scripts.js';
import { POWERSHELL_GUEST } from '../../../../src/guest/powershell.js';
import { POSIX } from '../../../../src/guest/posix.js';
import { quoteShellWord } from '../../../../src/guest/shell.js';
import { APT_TOOLS } from '../../../../src/os/families/debian/guest.js';
import * as tools from '../../../../src/os/families/windows/guest.js';

/*
 * Stands in for Windows PowerShell in a guest. It runs no PowerShell: it knows the scripts that the program itself makes, byte for byte,
 * and does what each is for with the POSIX one; whatever else it is given is refused. What it shows is that a build of Windows says
 * nothing but these, in an order and with values that work; not that PowerShell would take them.
 */

type Value = string | number | boolean | string[];
type Values = Record<string, Value>;

/** A script that runs in the sandbox, and what it reads. */
export interface Translated {
  script: string;
  input: Buffer;
}

/** The user of a Windows guest: this is how the fake sshd knows one. */
export const WINDOWS_USER = 'Administrator';

/** Bytes of the script that a command of ours begins its input with; undefined for a command that is none of ours. */
export function scriptSize(command: string): number | undefined {
  const encoded = command.split(' ').at(-1) ?? '';
  const size = Number(/New-Object byte\[\] (\d+)/.exec(Buffer.from(encoded, 'base64').toString('utf16le'))?.[1]);
  const same = Number.isInteger(size) && POWERSHELL_GUEST.buildCommand('x'.repeat(size), '').command === command;
  return same ? size : undefined;
}

/** The same in POSIX sh. @throws Error for a script that is not known */
export function inPosix(script: string, input: Buffer): Translated {
  const { values, body } = parsed(script, SCRIPTS);
  const translate = SCRIPTS.get(body);
  if (translate === undefined) throw new Error(`not a script that this program makes: ${body.slice(0, 200)}`);
  return translate(values, input);
}

const SCRIPTS = new Map<string, (values: Values, input: Buffer) => Translated>([
  [ours.WHO_AM_I, (_values, input) => ({ script: 'id -u', input })],
  [ours.WRITE_FILE, ({ path, size }, input) => ({ script: POSIX.writeFile({ path: posixPath(path), size: Number(size) }), input })], // prettier-ignore
  [ours.ALLOW_KEY, ({ line }, input) => ({ script: POSIX.allowKey(WINDOWS_USER, String(line)), input })],
  [ours.REVOKE_KEY, ({ blob }, input) => ({ script: POSIX.revokeKey(WINDOWS_USER, String(blob)), input })],
  [ours.SUPERVISE, ({ work }, input) => ({ script: shutDown(String(work)), input })],
  [WINDOWS_FOLLOW, follow],
  [tools.LIST_PROGRAMS, (_values, input) => ({ script: "dpkg-query -W -f='${Package}-${Version}\\n'", input })],
]);

/** The steps of a build that the program itself brings. */
const STEPS = new Map<string, (values: Values) => string>([
  [tools.INSTALL_PACKAGES, ({ names }) => `apt-get install -y -- ${(names as string[]).map(quoteShellWord).join(' ')}`],
  [
    tools.ADD_SOURCE,
    ({ name, url }) => `printf '%s %s\\n' ${quoteShellWord(String(name))} ${quoteShellWord(String(url))} >>/etc/choco`,
  ],
  [tools.REMOVE_SOURCE, ({ name }) => `grep -v ${quoteShellWord(`^${String(name)} `)} /etc/choco >/etc/choco.new; mv /etc/choco.new /etc/choco`], // prettier-ignore
  [tools.CLEAN, () => APT_TOOLS.cleanGuest().script],
]);

function follow(values: Values, input: Buffer): Translated {
  const { name, round, anew, size, file, bom, timeout, earlier, runner } = values;
  if (runner !== WINDOWS_RUNNER) throw new Error('that is not the runner of the journal');
  if (input.length !== size) throw new Error(`the step has ${input.length} bytes, it was said to have ${String(size)}`);
  if (file !== 'script.ps1' || bom !== true) throw new Error(`${String(file)} is not run here`);
  const step = Buffer.from(stepInPosix(input.toString('utf8')));
  const script = POSIX.follow({ journal: POSIX.journal, name: String(name), round: String(round), forceRerun: anew === true, script: step, timeout: Number(timeout), earlier: Number(earlier) }); // prettier-ignore
  return { script, input: step };
}

/** A step's script: ours, or a template's command that is made of the few lines that are known here. */
function stepInPosix(script: string): string {
  const { values, body } = parsed(script, STEPS);
  const known = STEPS.get(body);
  if (known !== undefined) return known(values);
  return body.trim().split(/\r?\n/).map(lineInPosix).join('\n');
}

function lineInPosix(line: string): string {
  const printed = /^Write-Output '([^']*)'$/.exec(line);
  if (printed !== null) return `printf '%s\\n' ${quoteShellWord(printed[1] ?? '')}`;
  const ended = /^exit (\d+)$/.exec(line);
  if (ended !== null) return `exit ${ended[1]}`;
  const wanted = /^if \(-not \(Test-Path '([^']+)'\)\) \{ exit 1 \}$/.exec(line);
  if (wanted !== null) return `[ -e ${quoteShellWord(posixPath(wanted[1] ?? ''))} ] || exit 1`;
  throw new Error(`this PowerShell does not know ${line}`);
}

/** `C:\Users\a.txt` as `/c/Users/a.txt`. */
function posixPath(path: Value | undefined): string {
  return String(path)
    .replace(/^([A-Za-z]):/, (_all, drive: string) => `/${drive.toLowerCase()}`)
    .replaceAll('\\', '/');
}

/** What goes when the machine does, if it is said as this program says it. */
function shutDown(work: string): string {
  const blob = String(parsed(work).values['blob']);
  const said = POWERSHELL_GUEST.shutDown({ blob, cleanUp: POWERSHELL_GUEST.lastCleanUp });
  if (parsed(said).values['work'] !== work) throw new Error('the guest is told to go down in words of its own');
  return POSIX.shutDown({ blob, cleanUp: POSIX.lastCleanUp });
}

const TEXT = String.raw`'(?:[^']|'')*'`;
const ASSIGNMENT = new RegExp(String.raw`^\$(\w+) = (${TEXT}|\d+|\$true|\$false|@\((?:${TEXT}(?:, ${TEXT})*)?\))\n`);

/** The variables at the beginning of a script of ours, and what comes behind them: one that is known may begin with its own. */
function parsed(script: string, known = new Map<string, unknown>()): { values: Values; body: string } {
  const values: Values = {};
  let body = script;
  for (let found = ASSIGNMENT.exec(body); found !== null && !known.has(body); found = ASSIGNMENT.exec(body)) {
    const [line, name = '', literal = ''] = found;
    values[name] = valueOf(literal);
    body = body.slice(line.length);
  }
  return { values, body };
}

function valueOf(literal: string): Value {
  if (literal.startsWith('$')) return literal === '$true';
  if (/^\d/.test(literal)) return Number(literal);
  const texts = [...literal.matchAll(new RegExp(TEXT, 'g'))].map(([text]) => text.slice(1, -1).replaceAll("''", "'"));
  return literal.startsWith('@') ? texts : (texts[0] ?? '');
}

/**
 * What a Windows guest's sshd is asked to run, as a command of the sandbox; it takes what is said to the end first.
 * @throws Error for whatever is not known here
 */
export async function windowsCommand(
  channel: ServerChannel,
  command: string,
): Promise<Omit<Translated, 'script'> & { command: string }> {
  const size = scriptSize(command);
  if (size === undefined) throw new Error(`'${command.slice(0, 80)}' is not recognized as a command of this program`);
  const chunks: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!channel.readableEnded) await once(channel, 'end');
  const said = Buffer.concat(chunks);
  const { script, input } = inPosix(said.toString('utf8', 0, size), said.subarray(size));
  return { command: `sudo sh -c ${quoteShellWord(script)}`, input };
}
