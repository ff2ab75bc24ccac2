import { cutStart } from '../domain/cut.js';
import { defined } from '../domain/defined.js';
import { FactoryError } from '../domain/errors.js';
import { readKeyBlob } from './keys.js';
import type { Guest, RunResult } from './types.js';

/** Timeout of a short command in a guest under load, in seconds. */
const TIMEOUT = 60;

interface CallOptions {
  signal?: AbortSignal;
}

/** Messages of sudo and similar tools when they refuse to run a command, with our explanation and hint. */
const REFUSALS: { pattern: RegExp; what: string; hint: string }[] = [
  {
    pattern: /Please login as the user/i,
    what: 'the system does not allow this user to run commands',
    hint: 'set --parameter default_user to the user in the message, and --parameter command_prefix to sudo',
  },
  {
    pattern:
      /a password is required|a terminal is required|no tty present|authentication (failed|required)|no password was provided/i,
    what: 'the command prefix asks for a password',
    hint: 'let the install script allow the command prefix without a password: for sudo, by NOPASSWD in /etc/sudoers.d',
  },
  {
    pattern: /must have a tty/i,
    what: 'sudo requires a terminal',
    hint: 'remove requiretty from /etc/sudoers in the install script',
  },
  {
    pattern: /not in the sudoers|not allowed to (execute|run)|may not run|operation not permitted|permission denied/i,
    what: 'the user is not permitted to use the command prefix',
    hint: 'let the install script allow it: for sudo, by the line "USER ALL=(ALL) NOPASSWD: ALL" in /etc/sudoers.d',
  },
  {
    pattern: /not found|no such file/i,
    what: 'the program in command_prefix is not in the guest',
    hint: 'add the program to the packages of the install script, or set --parameter command_prefix to a program that the system has',
  },
];

/**
 * Creates the error for a command that the command prefix, such as sudo, did not start. Its type is GuestLoginRefused.
 * If a signal ended the command, the guest may be shutting down, so the type is GuestUnreachable (retryable).
 */
export function toRefusalError(result: RunResult): FactoryError {
  const said = `${result.stderr}\n${result.stdout}`.trim();
  const known = REFUSALS.find(({ pattern }) => pattern.test(said));
  const what = known?.what ?? 'the command prefix did not run our command as root';
  const evidence = said === '' ? `exit status ${result.exitCode ?? result.signal}` : cutStart(said, 500);
  if (known === undefined && (result.exitCode === null || result.exitCode >= 128)) {
    return new FactoryError('GuestUnreachable', `a signal ended our command in the guest: ${evidence}`, {
      retryable: true,
    });
  }
  return new FactoryError('GuestLoginRefused', `${what}: ${evidence}`, {
    hint: known?.hint ?? 'set --parameter command_prefix to a program that runs commands as root, such as sudo',
  });
}

/**
 * Checks that our commands run as root, or as an administrator in Windows.
 *
 * @param prefix the command prefix, for the message
 * @throws FactoryError GuestLoginRefused (not retryable) with the guest's message, and a hint that says what to change
 */
export async function checkPrivilege(guest: Guest, prefix: string, options: CallOptions = {}): Promise<void> {
  const { shell } = guest;
  const result = await guest.run(shell.whoAmI, { timeout: TIMEOUT, signal: options.signal });
  const id = result.stdout.trim();
  if (result.exitCode === 0 && id === '0') return;
  if (shell.name === 'powershell') throw notAdministratorError(result);
  if (result.exitCode !== 0 || !/^\d+$/.test(id)) throw toRefusalError(result);
  const how = prefix === '' ? 'command_prefix is empty' : `the command prefix "${prefix}" does not change the user`;
  throw new FactoryError('GuestLoginRefused', `commands run as user ${id} and not as root: ${how}`, {
    hint: 'set --parameter command_prefix sudo, or --parameter default_user root',
  });
}

function notAdministratorError({ stdout, stderr }: RunResult): FactoryError {
  const said = `${stdout}\n${stderr}`.trim();
  return new FactoryError('GuestLoginRefused', `commands do not run with an administrator's rights: ${said}`, {
    hint: 'set --parameter default_user to Administrator, or to a member of Administrators that UAC does not restrict',
  });
}

export interface ShutDownOptions extends CallOptions {
  /**
   * Script that runs after the key is removed, and removes everything else that must not stay in the image. Default:
   * the script removes the journal.
   */
  cleanUp?: string;
  /** Script that runs immediately before the shutdown, when the reply has gone out. Its errors are ignored. */
  cleanAtShutdown?: string;
  /**
   * Script that prints the home directories, one per line. Default: the script prints the home directories of all
   * users.
   */
  homes?: string;
  /** Script that powers the machine off. Default: the system's own shutdown command. */
  powerOff?: string;
}

/**
 * Removes the build's key from every `authorized_keys` file of root and of all home directories, runs the script
 * `cleanUp`, and powers the guest off. Returns when the key is removed and the shutdown is about to begin.
 *
 * @throws FactoryError CommandFailed when the key could not be removed; then the guest stays up
 */
export async function removeKeyAndShutDown(
  guest: Guest,
  publicKey: string,
  options: ShutDownOptions = {},
): Promise<void> {
  const { shell } = guest;
  const { cleanUp = shell.removeJournal(shell.journal), cleanAtShutdown, homes, powerOff, signal } = options;
  const blob = readKeyBlob(publicKey);
  const { script, input } = shell.shutDown({ blob, cleanUp, cleanAtShutdown, homes, powerOff });
  const result = await guest.run(script, { timeout: TIMEOUT, signal, ...defined({ input }) });
  if (result.exitCode === 0) return;
  const said = result.stderr.trim() || result.stdout.trim() || `exit status ${result.exitCode ?? result.signal}`;
  throw new FactoryError('CommandFailed', `the build’s key could not be removed from the guest: ${said}`);
}
