import { readFileSync } from 'node:fs';

/**
 * Reads when a process was started, in ticks since boot; undefined when the process has ended. The system uses a pid
 * again for a new process, but the pid and the start time together identify one process.
 */
function readProcessStart(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return process.platform === 'linux' ? undefined : 'unknown';
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

/** Writes the mark of a process, for a file: its pid and its start time. */
export function formatProcessMark(pid: number): string {
  return `${pid} ${readProcessStart(pid) ?? ''}\n`;
}

/** Finds the process of a mark. Returns its pid; undefined when it has ended, or when the text is no mark. */
export function findMarkedProcess(mark: string): number | undefined {
  const [pid, start] = mark.trim().split(' ');
  if (pid === undefined || start === undefined) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: the process runs, and belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  return readProcessStart(Number(pid)) === start ? Number(pid) : undefined;
}
