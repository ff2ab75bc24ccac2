import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The command `imagefactory worker` in its own process. */
export interface WorkerCommand {
  child: ChildProcess;
  /** Resolves with exit code and signal when the process has ended. */
  ended: Promise<unknown[]>;
  /** Returns what the process has written to standard error. */
  said: () => string;
}

/**
 * Starts `imagefactory worker`. The process does not get the variables of the clouds that this machine has, such as the
 * single-node cloud of the end-to-end tests.
 *
 * @param directory the folder for all files of the worker
 */
export function startWorkerCommand(directory: string, args: string[], env: Record<string, string>): WorkerCommand {
  const files = ['--storage-path', join(directory, 'store'), '--imgdir', join(directory, 'images')];
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OS_')));
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'worker', ...files, ...args], {
    env: { ...own, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { child, ended: once(child, 'exit'), said: () => text };
}
