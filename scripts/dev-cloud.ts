import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('..', import.meta.url));
export const CACHE = join(PROJECT, '.cache');

/** Exit code of `cloud.sh` when this machine cannot run the single-node cloud. */
const CANNOT = 3;

export interface Output {
  /** Called for each complete line of the output. */
  onLine?: (line: string) => void;
  /** File to which the output is also appended. Unset when there is no log. */
  log?: string;
}

/**
 * Runs a program until it ends. Its output goes to `output.onLine` and to the log.
 *
 * @returns the exit code; 1 when a signal has ended the program
 */
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

/** Returns the folder of the single-node cloud. It contains the cloud's state and the configuration for its users. */
export function cloudFolder(): string {
  return process.env['IMAGEFACTORY_CLOUD_DIR'] ?? '/var/lib/imagefactory-cloud';
}

/** Returns the environment variables with which a process uses the single-node cloud. */
export function cloudEnvironment(): Record<string, string> {
  return { OS_CLIENT_CONFIG_FILE: join(cloudFolder(), 'clouds.yaml'), OS_CLOUD: 'imagefactory-dev' };
}

/**
 * Starts the single-node cloud, unless it already runs.
 *
 * @returns the reason why this machine cannot run the cloud; undefined when the cloud runs
 * @throws Error when the cloud did not start
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
 * Selects the cloud that this process and its child processes use. It is the cloud that the environment names. If the
 * environment names no cloud, starts the single-node cloud and uses that.
 *
 * @returns whether the cloud is the single-node cloud
 * @throws Error when the single-node cloud did not start, or this machine cannot run it
 */
export async function useCloud(say: (line: string) => void, output: Output): Promise<boolean> {
  const given = process.env['OS_CLOUD'] ?? process.env['OS_AUTH_URL'];
  if (given !== undefined) {
    say(`OpenStack: ${given}, from the environment`);
    return false;
  }
  say('OpenStack: a single node on this machine');
  const cannot = await startCloud(output);
  if (cannot !== undefined)
    throw new Error(`this machine cannot run the single-node cloud: ${cannot}. Set OS_CLOUD to a cloud that you have`);
  Object.assign(process.env, cloudEnvironment());
  return true;
}

/**
 * Creates the install tree, or updates it if it is out of date.
 *
 * @throws Error when dev/installer-tree/make.sh fails
 */
export async function makeInstallTree(output: Output): Promise<void> {
  const code = await runProgram(join(PROJECT, 'dev/installer-tree/make.sh'), [], output);
  if (code !== 0)
    throw new Error(`the install tree could not be created: dev/installer-tree/make.sh ended with exit code ${code}`);
}
