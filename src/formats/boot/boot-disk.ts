import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FormatName, isRootFormat } from '../../domain/target-formats.js';
import { MIB } from '../bytes/sizes.js';
import { programEnvironment, programFailedError, runProgram, wrapProgram } from '../disk/programs.js';
import type { Disk } from '../disk/types.js';
import type { DiskInFile } from '../outputs/output-format.js';
import { OUTPUT_FORMATS } from '../registry.js';
import { BootConsole, type BootVerdict } from './console.js';
import {
  BOOT_LIMITS,
  type BootOptions,
  buildBootArgs,
  EMULATOR,
  findAccelerator,
  findFirmware,
  LARGEST_OVERLAY,
} from './machine.js';
import { unpackDisk } from './unpack-disk.js';

/** Milliseconds that a boot may take, without KVM on a busy machine. */
const LONGEST_BOOT = 30 * 60_000;
/** Milliseconds that the console may be silent. A boot loader says nothing while it reads the kernel. */
const LONGEST_SILENCE = 8 * 60_000;
/** How much larger than its archive a disk is taken to be: gzip makes a system about three times smaller. */
const GZIP_FACTOR = 4;
/** Bytes for the variables of the firmware, and for the tables of the overlay. */
const SMALL_FILES = 16 * MIB;
/** Characters of the emulator's standard error in a message. */
const MESSAGE_LIMIT = 2000;
const WHAT = 'boot the converted disk';

export interface BootRequest extends BootOptions {
  /** The converted file. It is read only. */
  path: string;
  format: FormatName;
  /** Size of the disk in bytes. */
  virtualSize: number;
  /** Folder for the files of this boot. It exists and is empty. */
  workFolder: string;
  /** Called when the console has said something new, with its last line. */
  onConsole?: (line: string | undefined) => void;
  signal?: AbortSignal;
  /** Milliseconds, for tests. */
  limits?: { boot?: number; silence?: number };
}

/** How a boot went. */
export interface BootResult {
  verdict: BootVerdict;
  /** What the machine has said on its serial console. */
  console: Pick<BootConsole, 'text' | 'cut'>;
}

/**
 * Boots a converted file in QEMU until the system has booted, has failed, or says nothing any more. The file is never
 * written.
 *
 * @throws FactoryError InvalidParameter when a program or a firmware is missing; StoreFailed, retryable, when the disk
 *   of the worker is full or the emulator was killed; ImageFailed when the emulator refuses the file. The signal's
 *   reason after an abort
 */
export async function bootDisk(request: BootRequest): Promise<BootResult> {
  const { machine, firmware, workFolder, virtualSize, signal } = request;
  const overlay = join(workFolder, 'overlay.qcow2');
  await runProgram('qemu-img', ['create', '-q', '-f', 'qcow2', overlay, String(virtualSize)], {
    what: 'make a temporary disk',
    signal,
  });
  const args = buildBootArgs(machine, {
    accelerator: await findAccelerator(),
    disk: await openDisk(request),
    overlay,
    firmware: firmware === 'uefi' ? await copyFirmware(workFolder) : undefined,
  });
  return runMachine(args, request);
}

/** Bytes of disk space that a boot needs: for what the guest writes, and for the unpacked disk of an archive. */
export async function measureBoot({
  path,
  format,
  virtualSize,
}: Pick<BootRequest, 'path' | 'format' | 'virtualSize'>): Promise<number> {
  const { archive } = findDisk(format);
  const written = Math.min(virtualSize, LARGEST_OVERLAY) + SMALL_FILES;
  if (archive === undefined) return written;
  const { size } = await stat(path);
  return written + (archive.gzipped ? Math.min(virtualSize, size * GZIP_FACTOR) : size);
}

function findDisk(format: FormatName): DiskInFile {
  const disk = isRootFormat(format) ? undefined : OUTPUT_FORMATS[format].disk;
  if (disk === undefined) throw new RangeError(`the format ${format} has no disk`);
  return disk;
}

/** Returns the disk of the file. Unpacks the disk of an archive. */
async function openDisk({ path, format, workFolder, signal }: BootRequest): Promise<Pick<Disk, 'path' | 'format'>> {
  const disk = findDisk(format);
  if (disk.archive === undefined) return { path, format: disk.format };
  const unpacked = join(workFolder, `disk.${disk.format}`);
  await unpackDisk(path, disk.archive, unpacked, signal);
  return { path: unpacked, format: disk.format };
}

async function copyFirmware(workFolder: string): Promise<{ code: string; variables: string }> {
  const { code, variables } = await findFirmware();
  const folder = join(workFolder, 'firmware');
  await mkdir(folder);
  const copy = join(folder, 'variables.fd');
  await copyFile(variables, copy);
  return { code, variables: copy };
}

/** Runs the emulator until there is a verdict, and ends it. */
async function runMachine(args: readonly string[], request: BootRequest): Promise<BootResult> {
  const { signal, onConsole, limits } = request;
  signal?.throwIfAborted();
  const [file, wrapped] = await wrapProgram(EMULATOR, args, BOOT_LIMITS);
  const child = spawn(file, wrapped, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The emulator writes its temporary files, if any, beside the disk.
    env: { ...programEnvironment(), TMPDIR: request.workFolder },
  });
  const console = new BootConsole();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MESSAGE_LIMIT)));
  const kill = (): void => void child.kill('SIGKILL');
  const ended = waitForEnd(child);
  signal?.addEventListener('abort', kill);
  let timer: NodeJS.Timeout | undefined;
  let silenceTimer: NodeJS.Timeout | undefined;
  let isOver = false;
  try {
    const verdict = await new Promise<BootVerdict | 'ended'>((resolve) => {
      timer = setTimeout(() => resolve({ booted: false, failure: 'time' }), limits?.boot ?? LONGEST_BOOT);
      silenceTimer = setTimeout(() => resolve(console.judgeSilence()), limits?.silence ?? LONGEST_SILENCE);
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        // The machine may speak until it has ended.
        if (isOver) return;
        const found = console.add(piece);
        onConsole?.(console.lastLine());
        silenceTimer?.refresh();
        if (found !== undefined) resolve(found);
      });
      void ended.then(() => resolve('ended'));
    });
    signal?.throwIfAborted();
    return { verdict: verdict === 'ended' ? judgeEnd(child, stderr) : verdict, console };
  } finally {
    isOver = true;
    clearTimeout(timer);
    clearTimeout(silenceTimer);
    signal?.removeEventListener('abort', kill);
    kill();
    await ended;
  }
}

/** The emulator ends without a failure when the guest switches its machine off. */
function judgeEnd({ exitCode: code, signalCode: killedBy }: ChildProcess, stderr: string): BootVerdict {
  if (code === 0) return { booted: false, failure: 'off' };
  throw programFailedError(EMULATOR, WHAT, { code, killedBy, stderr: stderr.trim() });
}

function waitForEnd(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}
