import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const RELEASE = 'azurite@3.35.0';
const CACHE = fileURLToPath(new URL('../../../.cache/counterparts', import.meta.url));
const FOLDER = join(CACHE, 'azurite');

/** The account and the key that azurite always has; its documentation names them. */
export const AZURITE_ACCOUNT = 'devstoreaccount1';
export const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Azure's blobs as Microsoft's emulator plays them. */
export interface Azurite {
  /** Address of the account: `http://127.0.0.1:port/devstoreaccount1`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts azurite, and installs it before if it is missing: that needs npm and its registry.
 *
 * @returns azurite, or the reason why the tests must be skipped
 */
export async function startAzurite(): Promise<Azurite | string> {
  try {
    await install();
    return await start();
  } catch (error) {
    return `azurite cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Two runs may install at the same time: each has a folder of its own, and the first to end gives its folder. */
async function install(): Promise<void> {
  if (existsSync(FOLDER)) return;
  const own = join(CACHE, `azurite-${process.pid}`);
  await mkdir(own, { recursive: true });
  try {
    await promisify(execFile)('npm', ['install', '--prefix', own, '--no-fund', '--no-audit', RELEASE]);
    await rename(own, FOLDER).catch((error: unknown) => {
      if (!existsSync(FOLDER)) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function start(): Promise<Azurite> {
  const program = join(FOLDER, 'node_modules/azurite/dist/src/blob/main.js');
  // The newest SDK has a newer version of the interface than azurite knows. Without telemetry it stays on the machine.
  const words = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'];
  const child = spawn(process.execPath, [program, ...words, '--blobHost', '127.0.0.1', '--blobPort', '0'], {
    cwd: FOLDER,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  try {
    return { url: `${await readAddress(child)}/${AZURITE_ACCOUNT}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Azurite prints the address when it listens. Its port is one that the system has chosen. */
async function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`it ended with status ${status}: ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const url = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
  });
}
