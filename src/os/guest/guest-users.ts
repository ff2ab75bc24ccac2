import { FactoryError } from '../../domain/errors.js';
import type { GuestTools } from './guest-tools.js';

/** The user with all privileges in a Windows guest. */
const ADMINISTRATOR = 'Administrator';
/**
 * The folder for a template's files with a relative path: root's home, as in Oz, or Administrator's home on Windows.
 */
const HOMES: Record<NonNullable<GuestTools['shell']>, string> = {
  posix: '/root/',
  powershell: `C:\\Users\\${ADMINISTRATOR}\\`,
};

type Login = { default_user: string; command_prefix: string };

/**
 * Chooses the user that the build logs in as. On Windows, Administrator replaces root, which is the default of
 * `default_user`.
 * @throws FactoryError InvalidParameter for a `command_prefix` on Windows, which has no command like sudo
 */
export function chooseLoginUser({ shell }: Pick<GuestTools, 'shell'>, { default_user, command_prefix }: Login): string {
  if (shell !== 'powershell') return default_user;
  if (command_prefix.trim() !== '') {
    throw new FactoryError('InvalidParameter', 'parameter command_prefix: Windows has no command like sudo', {
      hint: 'leave command_prefix out, and log in as a member of the group Administrators',
    });
  }
  return default_user === 'root' ? ADMINISTRATOR : default_user;
}

/** Checks whether a path is absolute: `/etc/motd`, `C:\motd`, `C:/motd`, `\\server\share`. */
function isAbsolute(path: string, { shell }: Pick<GuestTools, 'shell'>): boolean {
  return shell === 'powershell' ? /^([a-z]:[\\/]|[\\/])/i.test(path) : path.startsWith('/');
}

/** Resolves the path of a template's file in the guest. */
export function resolveGuestPath(path: string, tools: Pick<GuestTools, 'shell'>): string {
  return isAbsolute(path, tools) ? path : `${HOMES[tools.shell ?? 'posix']}${path}`;
}
