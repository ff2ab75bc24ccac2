import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { isOnCloud } from '../../scripts/testing/levels.js';

/*
 * Loaded before a test file by scripts/test.ts. The file's process gives way to the machines of the single-node cloud,
 * and writes down its CPU time when it ends, because its parent cannot ask for it.
 */

/**
 * How much the process gives way (`nice`). The builds on the cloud, which emulates one processor, are the longest chain
 * of the run: whatever holds them up makes the whole run longer.
 */
const NICE = 5;

/** Environment variable with the folder in which each test file writes its CPU seconds. */
export const CPU_FOLDER = 'IMAGEFACTORY_TEST_CPU';

/** Clock ticks a second in `/proc`: the kernel's USER_HZ is the same on every architecture that Node runs on. */
const TICKS = 100;

/** The file in which a test file, by its absolute path, writes its CPU seconds. */
export function cpuFile(folder: string, testFile: string): string {
  return join(folder, encodeURIComponent(testFile));
}

/** CPU seconds of this process and, where there is /proc, of those of its children that have ended. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childrenSeconds();
}

function childrenSeconds(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // cutime and cstime, counted from behind the program's name, which may contain blanks (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [children = 0, childrenInKernel = 0] = fields.slice(13, 15).map(Number);
    return (children + childrenInKernel) / TICKS;
  } catch {
    return 0;
  }
}

const folder = process.env[CPU_FOLDER];
const [, testFile] = process.argv;
// The process that runs the files loads this too.
if (folder !== undefined && testFile !== undefined && process.env['NODE_TEST_CONTEXT'] !== undefined) {
  if (!isOnCloud(testFile)) setPriority(NICE);
  process.once('exit', () => writeFileSync(cpuFile(folder, testFile), String(cpuSeconds())));
}
