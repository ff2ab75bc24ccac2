import { FactoryError } from '../domain/errors.js';
import { readKeyBlob } from './keys.js';
import type { Guest, RunResult } from './types.js';

/** Seconds that a guest under load may take for a trifle. */
const TIMEOUT = 60;

interface CallOptions {
  signal?: AbortSignal;
}

/** What the tools that lend root's rights say when they do not, and what to do about it. */
const REFUSALS: { pattern: RegExp; what: string; hint: string }[] = [
  {
    pattern: /Please login as the user/i,
    what: 'the system does not let this user in to do anything',
    hint: 'set --parameter default_user to the user that it names, and command_prefix to what makes that user root (sudo)',
  },
  {
    pattern:
      /a password is required|a terminal is required|no tty present|authentication (failed|required)|no password was provided/i,
    what: 'the command prefix asks for a password',
    hint: 'let default_user use it without one: for sudo, NOPASSWD in /etc/sudoers.d, written by the install script',
  },
  {
    pattern: /must have a tty/i,
    what: 'sudo wants a terminal',
    hint: 'take requiretty out of /etc/sudoers in the install script',
  },
  {
    pattern: /not in the sudoers|not allowed to (execute|run)|may not run|operation not permitted|permission denied/i,
    what: 'the user is not permitted to use the command prefix',
    hint: 'let default_user become root: for sudo, "ALL=(ALL) NOPASSWD: ALL" in /etc/sudoers.d, written by the install script',
  },
  {
    pattern: /not found|no such file/i,
    what: 'the system does not have the command prefix',
    hint: 'install it with the system (the install script’s packages), or set --parameter command_prefix to one that it has',
  },
];

/**
 * The failure of a command that never came to run, because the command prefix did not let it: GuestLoginRefused. One that
 * a signal ended was cut off (the guest is going down): GuestUnreachable, retryable.
 */
export function toRefusalError(result: RunResult): FactoryError {
  const said = `${result.stderr}\n${result.stdout}`.trim();
  const known = REFUSALS.find(({ pattern }) => pattern.test(said));
  const what = known?.what ?? 'the command prefix did not run our command as root';
  const evidence = said === '' ? `exit status ${result.exitCode ?? result.signal}` : said.slice(-500);
  if (known === undefined && (result.exitCode === null || result.exitCode >= 128)) {
    return new FactoryError('GuestUnreachable', `a signal ended our command in the guest: ${evidence}`, {
      retryable: true,
    });
  }
  return new FactoryError('GuestLoginRefused', `${what}: ${evidence}`, {
    hint: known?.hint ?? 'see that --parameter command_prefix makes default_user root without asking, e.g. sudo',
  });
}

/**
 * Checks that our commands run as root.
 *
 * @param prefix the command prefix, for the message
 * @throws FactoryError GuestLoginRefused (not retryable) saying what the guest said and what to change
 */
export async function checkPrivilege(guest: Guest, prefix: string, options: CallOptions = {}): Promise<void> {
  const { shell } = guest;
  const result = await guest.run(shell.whoAmI, { timeout: TIMEOUT, signal: options.signal });
  const id = result.stdout.trim();
  if (result.exitCode === 0 && id === '0') return;
  if (shell.name === 'powershell') throw notAdministratorError(result);
  if (result.exitCode !== 0 || !/^\d+$/.test(id)) throw toRefusalError(result);
  const how = prefix === '' ? 'there is no command prefix' : `the command prefix "${prefix}" does not change that`;
  throw new FactoryError('GuestLoginRefused', `commands run as user ${id} and not as root: ${how}`, {
    hint: 'set --parameter command_prefix sudo, or --parameter default_user root',
  });
}

function notAdministratorError({ stdout, stderr }: RunResult): FactoryError {
  const said = `${stdout}\n${stderr}`.trim();
  return new FactoryError('GuestLoginRefused', `commands do not run with an administrator's rights: ${said}`, {
    hint: 'set --parameter default_user to Administrator, or to a member of Administrators whose rights UAC does not filter',
  });
}

export interface ShutDownOptions extends CallOptions {
  /** Shell command that removes what else must not stay in the image. Default: the journal. */
  cleanUp?: string;
  /** Shell command that prints the home directories, one a line. Default: those of the user database. */
  homes?: string;
  /** Shell command that powers the machine off. */
  powerOff?: string;
}

/**
 * Removes the build's key from every `authorized_keys` of root and of all home directories, removes the journal, and
 * powers the guest off. Returns when the key is gone and the shutdown is about to begin.
 *
 * @throws FactoryError CommandFailed when the key could not be removed; the guest stays up then.
 */
export async function removeKeyAndShutDown(
  guest: Guest,
  publicKey: string,
  options: ShutDownOptions = {},
): Promise<void> {
  const { shell } = guest;
  const { cleanUp = shell.removeJournal(shell.journal), homes, powerOff, signal } = options;
  const script = shell.shutDown({ blob: readKeyBlob(publicKey), cleanUp, homes, powerOff });
  const result = await guest.run(script, { timeout: TIMEOUT, signal });
  if (result.exitCode === 0) return;
  const said = result.stderr.trim() || result.stdout.trim() || `exit status ${result.exitCode ?? result.signal}`;
  throw new FactoryError('CommandFailed', `the build’s key could not be removed from the guest: ${said}`);
}
