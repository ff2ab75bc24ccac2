import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The release of moto, with the services that our contract tests call. */
const RELEASE = 'moto[server,ec2,s3]==5.2.5';
const CACHE = fileURLToPath(new URL('../../../.cache/counterparts', import.meta.url));
const FOLDER = join(CACHE, 'moto');

const run = promisify(execFile);

/** Amazon's services as moto plays them. */
export interface Moto {
  /** Address of every service: `http://127.0.0.1:port`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts moto, and installs it before if it is missing: that needs python3, its module venv, and PyPI.
 *
 * @returns moto, or the reason why the tests must be skipped
 */
export async function startMoto(): Promise<Moto | string> {
  try {
    await install();
    return await start();
  } catch (error) {
    return `moto cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Two runs may install at the same time: each has a folder of its own, and the first to end gives its folder. */
async function install(): Promise<void> {
  if (existsSync(FOLDER)) return;
  const own = join(CACHE, `moto-${process.pid}`);
  await mkdir(CACHE, { recursive: true });
  try {
    await run('python3', ['-m', 'venv', own]);
    await run(join(own, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', RELEASE]);
    // Programs of the folder hold its first path, so we run modules only.
    await rename(own, FOLDER).catch((error: unknown) => {
      if (!existsSync(FOLDER)) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function start(): Promise<Moto> {
  const words = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'];
  const child = spawn(join(FOLDER, 'bin/python'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  try {
    return { url: await readAddress(child), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Moto prints the address when it listens. Its port is one that the system has chosen. */
async function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`it ended with status ${status}: ${said}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      // Later output must be read as well, or moto waits for a reader. It is one line for each request.
      if (said.length < 4000) said += text;
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}
