import { readFileSync } from 'node:fs';

/**
 * Whether a process runs. A zombie is dead; who its parent is, and when that looks, is this machine's affair.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
