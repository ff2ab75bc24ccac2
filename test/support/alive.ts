import { readFileSync } from 'node:fs';

/**
 * Checks whether a process runs. A zombie counts as ended, because the test cannot influence when its parent process
 * removes it. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
