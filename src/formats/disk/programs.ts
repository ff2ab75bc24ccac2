import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';

/** Characters of a program's standard error in a message. */
const MESSAGE_LIMIT = 2000;

/** What the option `-p` prints. */
const PERCENTAGES = /[ ]*\([\d.]+\/100%\)\r?/g;

/** The limits of a program that reads a file from outside: those of Nova's `qemu_img_info`, with more memory. */
export const READ_LIMITS = ['--as=1073741824', '--cpu=30:60', '--core=0'];
/**
 * The limits of a program that converts a disk. Its time depends on the disk, so it has none. Its address space
 * includes the stacks and heaps of up to 64 threads, of which it uses little.
 */
const CONVERT_LIMITS = ['--as=17179869184', '--core=0'];

export interface ProgramOptions {
  /** Working directory. Default: this process's. */
  folder?: string;
  signal?: AbortSignal | undefined;
  /** Arguments of `prlimit`. Default: those for a conversion. */
  limits?: readonly string[];
  /** Exit codes that are no failure. Default: 0. */
  expected?: readonly number[];
  /** Called with each percentage that the program prints because of its option `-p`. */
  onPercent?: ((percent: number) => void) | undefined;
  /** What the program does, for messages: "convert the disk to vmdk". */
  what: string;
}

type Program = 'qemu-img' | 'qemu-io' | 'qemu-nbd' | 'qemu-system-x86_64';

/**
 * Adds to a call of a program of QEMU what gives it low priority and limited resources, and ends it when this process
 * dies, so that no program of a dead worker writes into a folder that another attempt uses. `nice`, `prlimit` and
 * `setpriv` do that, where they are installed.
 *
 * @returns the program and its arguments, for `spawn`
 * @throws FactoryError InvalidParameter when QEMU's program is missing
 */
export async function wrapProgram(
  name: Program,
  args: readonly string[],
  limits: readonly string[] = CONVERT_LIMITS,
): Promise<[string, string[]]> {
  const program = await requireProgram(name);
  const [prlimit, setpriv, nice] = await Promise.all(['prlimit', 'setpriv', 'nice'].map(findProgram));
  const command = [
    ...(prlimit === undefined ? [] : [prlimit, ...limits, '--']),
    ...(setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--']),
    ...(nice === undefined ? [] : [nice, '-n', '10']),
    program,
    ...args,
  ];
  return [command[0] ?? program, command.slice(1)];
}

/** The environment of the programs: messages in English, and nothing of the worker's own. */
export function programEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C' };
}

/**
 * Runs a program of QEMU, and returns its exit code and its standard output.
 *
 * @throws FactoryError InvalidParameter when the program is missing; StoreFailed, retryable, when the disk is full or
 *   the program was killed; ImageFailed otherwise, with its standard error. The signal's reason after an abort
 */
export async function runProgram(
  name: Program,
  args: readonly string[],
  options: ProgramOptions,
): Promise<{ code: number; stdout: string }> {
  const { signal, onPercent, expected = [0] } = options;
  signal?.throwIfAborted();
  const [file, wrapped] = await wrapProgram(name, args, options.limits);
  const child = spawn(file, wrapped, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: programEnvironment(),
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
  });
  const stdout: string[] = [];
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout.push(text);
    const percent = /\(([\d.]+)\/100%\)[^(]*$/.exec(text)?.[1];
    if (percent !== undefined) onPercent?.(Number(percent));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MESSAGE_LIMIT)));
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  try {
    const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...ended) => resolve(ended));
    });
    signal?.throwIfAborted();
    if (code === null || !expected.includes(code)) {
      throw programFailedError(name, options.what, { code, killedBy, stderr: stderr.trim() });
    }
    return { code, stdout: stdout.join('').replaceAll(PERCENTAGES, '') };
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Returns the path of a program of QEMU. @throws FactoryError InvalidParameter when it is missing */
export async function requireProgram(name: Program): Promise<string> {
  const program = await findProgram(name);
  if (program === undefined) throw programMissingError(name);
  return program;
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter((part) => part !== '')) {
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

function programMissingError(name: Program): FactoryError {
  if (name === 'qemu-system-x86_64') {
    return new FactoryError('InvalidParameter', `the worker’s machine lacks ${name}: verify boot needs it`, {
      hint: 'install qemu-system-x86 (Debian, Ubuntu, Fedora) or qemu-x86 (openSUSE) on the worker’s machine, or leave out verify boot',
    });
  }
  return new FactoryError('InvalidParameter', `the worker’s machine lacks ${name}: target images need it`, {
    hint: 'install qemu-utils (Debian, Ubuntu) or qemu-img (Fedora, RHEL, openSUSE) on the worker’s machine',
  });
}

/** Makes the error of a failed program from how it ended. */
export function programFailedError(
  name: string,
  what: string,
  { code, killedBy, stderr }: { code: number | null; killedBy: NodeJS.Signals | null; stderr: string },
): FactoryError {
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new FactoryError('StoreFailed', `cannot ${what}: ${stderr}`, {
      retryable: true,
      hint: 'make free space on the disk of the worker’s storage directory',
    });
  }
  if (killedBy === 'SIGXCPU') {
    return new FactoryError(
      'ImageFailed',
      `cannot ${what}: ${name} needs more than its limit of CPU time for this file`,
    );
  }
  if (killedBy !== null) {
    return new FactoryError('StoreFailed', `cannot ${what}: ${name} was ended by ${killedBy}`, {
      retryable: true,
      hint: 'check whether the worker’s machine has enough memory',
    });
  }
  const ended = `${name} ended with exit code ${code}`;
  return new FactoryError('ImageFailed', `cannot ${what}: ${stderr === '' ? ended : stderr}`);
}
