import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The folder of the programs that contract tests install. */
export const COUNTERPARTS = fileURLToPath(new URL('../../../.cache/counterparts', import.meta.url));
/** Most characters of a program's output that are kept, to find its address or to tell why it has ended. */
const SAID_CHARACTERS = 20_000;

const run = promisify(execFile);

/**
 * Installs a program if it is missing. Two runs may install at the same time: each has a folder of its own, and the
 * first to end gives its folder.
 *
 * @param name the folder's name in {@link COUNTERPARTS}
 * @param install fills a folder that gets another name afterwards
 * @returns the path of the folder
 */
export async function installOnce(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(COUNTERPARTS, name);
  if (existsSync(folder)) return folder;
  await mkdir(COUNTERPARTS, { recursive: true });
  const own = await mkdtemp(`${folder}.`);
  try {
    await install(own);
    await rename(own, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/**
 * Installs a Python package in an environment of its own: that needs python3, its module venv, and PyPI.
 *
 * @returns the path of its Python. Programs of the folder hold its first path, so run modules only
 */
export async function installPython(name: string, release: string): Promise<string> {
  const folder = await installOnce(name, async (own) => {
    await run('python3', ['-m', 'venv', own]);
    await run(join(own, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', release]);
  });
  return join(folder, 'bin/python');
}

/** Returns what `start` returns, or the reason why the tests must be skipped. */
export async function startOrTellWhy<T>(name: string, start: () => Promise<T>): Promise<T | string> {
  try {
    return await start();
  } catch (error) {
    return `${name} cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A program that listens at a port, which the system has chosen. */
export interface RunningProgram {
  /** What the program has printed of its address. */
  address: string;
  close(): Promise<void>;
}

/**
 * Starts a program, and waits until it prints its address. Its standard input ends when this process ends.
 *
 * @param ready finds the address in the output, as its first group
 */
export async function startProgram(
  program: string,
  words: readonly string[],
  ready: RegExp,
  cwd?: string,
): Promise<RunningProgram> {
  const child = spawn(program, words, { cwd, stdio: 'pipe' });
  try {
    return { address: await readAddress(child, ready), close: () => endProgram(child) };
  } catch (error) {
    await endProgram(child);
    throw error;
  }
}

/** Ends a program that may have ended already. */
export async function endProgram(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function readAddress(child: ChildProcess, ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`it ended with status ${status}: ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      // Later output must be read as well, or the program waits for a reader.
      stream?.setEncoding('utf8').on('data', (text: string) => {
        if (said.length < SAID_CHARACTERS) said += text;
        const address = ready.exec(said)?.[1];
        if (address !== undefined) resolve(address);
      });
    }
  });
}
