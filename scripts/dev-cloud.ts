import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('..', import.meta.url));
export const CACHE = join(PROJECT, '.cache');

/** Exit code with which `cloud.sh` says that this machine cannot hold the cloud. */
const CANNOT = 3;

export interface Output {
  /** Lines are handed on as they come. */
  onLine?: (line: string) => void;
  /** Where the output is kept as well. */
  log?: string;
}

/** Runs a program to its end; answers its exit code. Its output goes to whoever listens, and into the log. */
export async function runProgram(command: string, args: string[], output: Output = {}): Promise<number> {
  if (output.log !== undefined) await mkdir(dirname(output.log), { recursive: true });
  const log = output.log === undefined ? undefined : createWriteStream(output.log, { flags: 'a' });
  const child = spawn(command, args, { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      log?.write(chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) output.onLine?.(line);
    });
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  log?.end();
  return code;
}

/** The folder in which the single-node cloud keeps its state, and the configuration for its users. */
export function cloudFolder(): string {
  return process.env['IMAGEFACTORY_CLOUD_DIR'] ?? '/var/lib/imagefactory-cloud';
}

/** Variables that make this process, and what it starts, a user of the single-node cloud. */
export function cloudEnvironment(): Record<string, string> {
  return { OS_CLIENT_CONFIG_FILE: join(cloudFolder(), 'clouds.yaml'), OS_CLOUD: 'imagefactory-dev' };
}

/**
 * Starts the single-node cloud and makes its install tree, unless they are there.
 *
 * @returns why this machine cannot hold them, or undefined when they are up
 * @throws Error when they could not be started
 */
export async function startCloud(output: Output): Promise<string | undefined> {
  let last = '';
  const keep: Output = {
    ...output,
    onLine: (line) => {
      if (line.trim() !== '') last = line;
      output.onLine?.(line);
    },
  };
  const code = await runProgram(join(PROJECT, 'dev/openstack/cloud.sh'), ['start'], keep);
  if (code === CANNOT) return last;
  if (code !== 0) throw new Error(`the single-node cloud did not start: ${last}`);
  return undefined;
}

/**
 * Makes this process, and what it starts, a user of the cloud that its environment names; else of the single-node
 * cloud, which
 * is started.
 *
 * @returns whether it is the single-node cloud
 * @throws Error when it could not be started, or this machine cannot hold it
 */
export async function useCloud(say: (line: string) => void, output: Output): Promise<boolean> {
  const given = process.env['OS_CLOUD'] ?? process.env['OS_AUTH_URL'];
  if (given !== undefined) {
    say(`OpenStack: ${given}, as the environment says`);
    return false;
  }
  say('OpenStack: a single node on this machine');
  const cannot = await startCloud(output);
  if (cannot !== undefined)
    throw new Error(`this machine cannot hold the cloud: ${cannot}. Set OS_CLOUD to one that you have`);
  Object.assign(process.env, cloudEnvironment());
  return true;
}

/** Makes the install tree, unless it is there and up to date. */
export async function makeInstallTree(output: Output): Promise<void> {
  const code = await runProgram(join(PROJECT, 'dev/installer-tree/make.sh'), [], output);
  if (code !== 0) throw new Error(`the install tree could not be made (exit code ${code})`);
}
