import { execFile, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { FactoryError } from '../domain/errors.js';

const execFileAsync = promisify(execFile);

/** The firmware that starts our disk or medium. `uefi` means UEFI on x86_64. */
export type StubFirmware = 'bios' | 'uefi';

const MODULES = ['normal', 'configfile', 'linux', 'echo', 'search'];
const MODULE_FOLDER = '/usr/lib/grub';

/** GRUB's platform names, by firmware. */
export const PLATFORMS: Record<StubFirmware, string> = { bios: 'i386-pc', uefi: 'x86_64-efi' };

/**
 * Maximum number of bytes that a program may write to stdout, and to stderr. If it writes more, Node.js ends the
 * program with an error.
 */
const OUTPUT_LIMIT = 1024 * 1024;
/** Maximum number of characters of a program's output that an error message quotes. */
const MESSAGE_LIMIT = 1000;

/**
 * Builds a GRUB configuration that starts a kernel at once. Each word of the command line is quoted, so that the kernel
 * gets the word unchanged.
 */
export function buildGrubConfig({
  kernel,
  ramdisks,
  commandLine,
}: {
  kernel: string;
  ramdisks: string[];
  commandLine: string;
}): string {
  const words = commandLine.split(' ').filter((word) => word !== '');
  return [
    `echo 'imagefactory: our boot loader starts the installer'`,
    `linux ${[kernel, ...words].map(quoteWord).join(' ')}`,
    `initrd ${ramdisks.map(quoteWord).join(' ')}`,
    'boot',
    '',
  ].join('\n');
}

/**
 * Quotes a word for GRUB: a single quote inside ends the quoted text, is escaped, and begins it again
 * (https://www.gnu.org/software/grub/manual/grub/grub.html#Quoting).
 */
function quoteWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns the path of a file that GRUB installs for a platform, such as its boot sector. */
export function grubFilePath(platform: string, name: string): string {
  return join(MODULE_FOLDER, platform, name);
}

/**
 * Checks that mtools, and GRUB for each firmware, are installed.
 * @throws FactoryError InvalidParameter when this machine lacks mtools, or GRUB for one firmware
 */
export async function checkGrubPrograms(firmwares: readonly StubFirmware[], signal: AbortSignal): Promise<void> {
  await runMkimage(['--version'], signal);
  await runProgram('mformat', ['--version'], signal);
  for (const firmware of firmwares) {
    const platform = PLATFORMS[firmware];
    await stat(grubFilePath(platform, 'normal.mod')).catch((cause: unknown) => {
      throw programMissingError(`GRUB’s modules for ${platform}`, cause);
    });
  }
}

/** How to make a GRUB image: one file with GRUB's core and its modules. */
export interface GrubImageOptions {
  /** GRUB's name of the format, such as `i386-pc`. */
  format: string;
  /** Path of the configuration that is embedded in the image. GRUB runs it first, before it has found any disk. */
  early: string;
  /** GRUB modules in addition to those in `MODULES`. */
  modules: string[];
  path: string;
  signal: AbortSignal;
}

/** Makes a GRUB image, and returns its path. */
export async function makeGrubImage({ format, early, modules, path, signal }: GrubImageOptions): Promise<string> {
  await runMkimage(['-O', format, '-p', '/', '-c', early, '-o', path, ...MODULES, ...modules], signal);
  return path;
}

/** Runs `grub-mkimage`, or `grub2-mkimage`, as Fedora and related distributions name the program. */
async function runMkimage(args: string[], signal: AbortSignal): Promise<void> {
  try {
    await execFileAsync('grub-mkimage', args, { signal, maxBuffer: OUTPUT_LIMIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await runProgram('grub2-mkimage', args, signal);
  }
}

function buildEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, MTOOLS_SKIP_CHECK: '1', LC_ALL: 'C.UTF-8' };
}

/**
 * Runs a program that makes disks or media, and returns its output. A text from a template must not be an argument,
 * because the program could take it for an option. So the callers pass only constants, paths of this machine, and paths
 * on a medium that begin with `/` (`parseIsoPath`). They write all other texts from a template into files.
 *
 * @throws FactoryError InvalidParameter when this machine lacks the program
 */
export async function runProgram(
  name: string,
  args: string[],
  signal: AbortSignal,
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await execFileAsync(name, args, { signal, env: buildEnvironment(), maxBuffer: OUTPUT_LIMIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw programMissingError(name, error);
    throw error;
  }
}

/** The folder in which the programs work, and the signal that stops the programs. */
interface ProgramContext {
  folder: string;
  signal: AbortSignal;
}

/**
 * Runs `make`, which calls programs such as xorriso, and converts the errors of these programs.
 * @param what name of the product, for messages
 * @throws FactoryError StoreFailed (retryable) with the program's own message; the signal's reason on abort
 */
export async function withProgramErrors<T>(what: string, made: ProgramContext, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    made.signal.throwIfAborted();
    if (error instanceof FactoryError) throw error;
    const { stderr, message } = error as Error & { stderr?: string };
    throw programFailedError(what, made, (stderr ?? '').trim() || message, error);
  }
}

/**
 * Streams the standard output of a program. When the program fails, even after its last byte, the stream fails with the
 * same error as `withProgramErrors`.
 */
export function streamProgram(what: string, made: ProgramContext, name: string, args: string[]): Readable {
  const child = spawn(name, args, { signal: made.signal, stdio: ['ignore', 'pipe', 'pipe'], env: buildEnvironment() });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MESSAGE_LIMIT)));
  const out = new PassThrough();
  child.stdout.pipe(out, { end: false });
  child.once('error', (error) =>
    out.destroy(made.signal.aborted ? error : programFailedError(what, made, error.message, error)),
  );
  child.once('close', (code) => {
    if (code === 0) out.end();
    else out.destroy(programFailedError(what, made, said.trim() || `${name} ended with ${code ?? 'a signal'}`));
  });
  // When the reader stops, we end the program, because its output is no longer needed.
  out.once('close', () => child.kill());
  return out;
}

function programFailedError(what: string, { folder }: ProgramContext, why: string, cause?: unknown): FactoryError {
  return new FactoryError('StoreFailed', `${what} could not be made: ${why.slice(-MESSAGE_LIMIT)}`, {
    retryable: true,
    hint: `check that there is free space in ${dirname(folder)} on the worker’s machine`,
    cause,
  });
}

function programMissingError(what: string, cause: unknown): FactoryError {
  return new FactoryError(
    'InvalidParameter',
    `the worker’s machine lacks ${what}: builds with boot_method stub and builds from install media need it`,
    {
      hint: 'install grub-common, grub-pc-bin, grub-efi-amd64-bin, mtools and xorriso on the worker’s machine, or set boot_method to direct',
      cause,
    },
  );
}
