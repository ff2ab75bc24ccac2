import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { isOnCloud } from '../../scripts/testing/levels.js';

/*
 * Node loads this module before each test file that scripts/test.ts runs. The module lowers the priority of the file's
 * process, so that the machines of the single-node cloud run first. When the process ends, it writes its CPU time to a
 * file, because its parent process cannot read that time.
 */

/**
 * Nice value of the process. The tests on the single-node cloud take longest, because one emulated processor runs all
 * their builds. If they get less CPU time, the whole test run takes longer.
 */
const NICE = 5;

/** Environment variable with the folder in which each test file writes its CPU seconds. */
export const CPU_FOLDER = 'IMAGEFACTORY_TEST_CPU';

/** Clock ticks per second in `/proc` (USER_HZ). The value is the same on every architecture on which Node runs. */
const TICKS = 100;

/** Returns the path of the file to which a test file writes its CPU seconds. `testFile` is an absolute path. */
export function cpuFile(folder: string, testFile: string): string {
  return join(folder, encodeURIComponent(testFile));
}

/** Returns the CPU seconds of this process and, where there is /proc, of its children that have ended. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childrenSeconds();
}

function childrenSeconds(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // cutime and cstime. We count the fields after the program's name, because the name may contain blanks (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [children = 0, childrenInKernel = 0] = fields.slice(13, 15).map(Number);
    return (children + childrenInKernel) / TICKS;
  } catch {
    return 0;
  }
}

/** Returns the ids of all descendants of a process: its child processes, their child processes, and so on. */
function findDescendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...findDescendants(child)]);
  } catch {
    return [];
  }
}

/**
 * Kills all descendants of this process, because its tests no longer stop them. Then ends this process as SIGTERM
 * would.
 */
function endWithDescendants(): void {
  for (const pid of findDescendants(process.pid)) process.kill(pid, 'SIGKILL');
  process.exit(143);
}

const folder = process.env[CPU_FOLDER];
const [, testFile] = process.argv;
// The process that starts the test files also loads this module, but is no test file itself.
if (folder !== undefined && testFile !== undefined && process.env['NODE_TEST_CONTEXT'] !== undefined) {
  if (!isOnCloud(testFile)) setPriority(NICE);
  // The runner sends SIGTERM to a test file that has not ended in time.
  process.once('SIGTERM', endWithDescendants);
  process.once('exit', () => writeFileSync(cpuFile(folder, testFile), String(cpuSeconds())));
}
