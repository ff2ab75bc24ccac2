import { FactoryError } from '../../domain/errors.js';
import type { GuestTools } from './guest-tools.js';

/** The user with all privileges in a Windows guest. */
const ADMINISTRATOR = 'Administrator';
/** The folder for files with a relative name: Oz copied them to root's home. */
const HOMES: Record<NonNullable<GuestTools['shell']>, string> = {
  posix: '/root/',
  powershell: `C:\\Users\\${ADMINISTRATOR}\\`,
};

type Login = { default_user: string; command_prefix: string };

/**
 * Chooses the user that the build logs in as. root, the default of the parameter, is Administrator on Windows.
 * @throws FactoryError InvalidParameter for a command prefix where there is nothing like sudo
 */
export function chooseLoginUser({ shell }: Pick<GuestTools, 'shell'>, { default_user, command_prefix }: Login): string {
  if (shell !== 'powershell') return default_user;
  if (command_prefix.trim() !== '') {
    throw new FactoryError('InvalidParameter', 'parameter command_prefix: there is nothing like sudo in Windows', {
      hint: 'leave it out, and log in as a member of Administrators',
    });
  }
  return default_user === 'root' ? ADMINISTRATOR : default_user;
}

/** Whether a path is absolute: `/etc/motd`, `C:\motd`, `C:/motd`, `\\server\share`. */
function isAbsolute(path: string, { shell }: Pick<GuestTools, 'shell'>): boolean {
  return shell === 'powershell' ? /^([a-z]:[\\/]|[\\/])/i.test(path) : path.startsWith('/');
}

/** Resolves the path of a template's file in the guest. */
export function resolveGuestPath(path: string, tools: Pick<GuestTools, 'shell'>): string {
  return isAbsolute(path, tools) ? path : `${HOMES[tools.shell ?? 'posix']}${path}`;
}
