import { execFile, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { FactoryError } from '../domain/errors.js';

const execFileAsync = promisify(execFile);

/** What starts a machine from a disk or a medium. UEFI here is that of x86_64. */
export type StubFirmware = 'bios' | 'uefi';

const MODULES = ['normal', 'configfile', 'linux', 'echo', 'search'];
const MODULE_FOLDER = '/usr/lib/grub';

/** GRUB's own name of a firmware's platform, on a disk. */
export const PLATFORMS: Record<StubFirmware, string> = { bios: 'i386-pc', uefi: 'x86_64-efi' };

/** Bytes of a program's output that are kept for messages. */
const OUTPUT_LIMIT = 1024 * 1024;
/** Characters of it that a message quotes. */
const MESSAGE_LIMIT = 1000;

/** GRUB's configuration, which starts a kernel at once. Words are quoted, so that the kernel gets them as they are. */
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

/** A quote ends the word, stands by itself, and begins the word again: https://www.gnu.org/software/grub/manual/grub/grub.html#Quoting */
function quoteWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A file of GRUB's own for a platform, such as its first sector. */
export function grubFilePath(platform: string, name: string): string {
  return join(MODULE_FOLDER, platform, name);
}

/** @throws FactoryError InvalidParameter when this machine lacks GRUB for one of these, or mtools */
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

/** GRUB that one file holds. */
export interface GrubImageOptions {
  /** What GRUB calls the format, `i386-pc` for one. */
  format: string;
  /** A file of commands that it runs before it has found anything. */
  early: string;
  /** Modules that it needs besides those that load a kernel. */
  modules: string[];
  path: string;
  signal: AbortSignal;
}

/** Makes it, and answers its path. */
export async function makeGrubImage({ format, early, modules, path, signal }: GrubImageOptions): Promise<string> {
  await runMkimage(['-O', format, '-p', '/', '-c', early, '-o', path, ...MODULES, ...modules], signal);
  return path;
}

/** Fedora and its kin call it by another name. */
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

/** Runs a program that makes disks or media; answers what it printed. @throws FactoryError InvalidParameter when this machine lacks it */
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

/** What is made, and where. */
interface ProgramContext {
  folder: string;
  signal: AbortSignal;
}

/**
 * Makes something with such programs.
 * @throws FactoryError StoreFailed (retryable) in their own words when they fail; the signal's reason when it is aborted
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

/** What a program writes to its standard output. It fails, as `making` does, where the program does, also after its last byte. */
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
  // Whoever reads no more needs it no more.
  out.once('close', () => child.kill());
  return out;
}

function programFailedError(what: string, { folder }: ProgramContext, why: string, cause?: unknown): FactoryError {
  return new FactoryError('StoreFailed', `${what} could not be made: ${why.slice(-MESSAGE_LIMIT)}`, {
    retryable: true,
    hint: `see that there is room in ${dirname(folder)} on the worker’s machine`,
    cause,
  });
}

function programMissingError(what: string, cause: unknown): FactoryError {
  return new FactoryError(
    'InvalidParameter',
    `this worker’s machine has no ${what}, which boot_method stub and media need`,
    {
      hint: 'install grub-common, grub-pc-bin, grub-efi-amd64-bin, mtools and xorriso there, or write boot_method direct',
      cause,
    },
  );
}
