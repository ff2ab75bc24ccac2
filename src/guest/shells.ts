import type { GuestShell, ShellName } from './guest-shell.js';
import { POSIX } from './posix.js';
import { POWERSHELL_GUEST } from './powershell.js';

const SHELLS: Record<ShellName, GuestShell> = { posix: POSIX, powershell: POWERSHELL_GUEST };

/** Returns the scripts for a guest's shell. */
export function getShell(name: ShellName = 'posix'): GuestShell {
  return SHELLS[name];
}
