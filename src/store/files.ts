import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FactoryError } from '../domain/errors.js';

/** Failures of a device or a full disk pass; those of rights and paths stay. */
const TRANSIENT_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EBUSY',
  'EMFILE',
  'ENFILE',
  'ESTALE',
  'ETIMEDOUT',
  'EAGAIN',
]);

type Write = (file: FileHandle) => Promise<void>;

function readErrorCode(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Runs the work; the system's own errors become FactoryError StoreFailed: "cannot <what> <path>: <reason>". */
export async function withStoreErrors<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    const code = readErrorCode(error);
    if (code === undefined || syscall === undefined) throw error;
    throw new FactoryError('StoreFailed', `cannot ${what} ${path}: ${(error as Error).message}`, {
      retryable: TRANSIENT_CODES.has(code),
      cause: error,
      hint: TRANSIENT_CODES.has(code)
        ? 'see whether the disk of the storage directory is full or failing'
        : 'see who owns the storage directory',
    });
  }
}

/** A file's content, or undefined when there is none. */
export async function readFileIfExists(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(ifAbsent(undefined));
}

/** The names in a folder; none when there is no folder. */
export async function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(ifAbsent<string[]>([]));
}

function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (readErrorCode(error) !== 'ENOENT') throw error;
    return value;
  };
}

/** Writes a file whole or not at all, whatever was there. */
export async function replaceFile(path: string, write: Write): Promise<void> {
  const temporary = await writeTemporary(path, write);
  await rename(temporary, path);
  await syncFolder(path);
}

/** Writes a file whole if there is none: of several writers at once one succeeds, and the others' content is dropped. */
export async function createFile(path: string, write: Write): Promise<void> {
  const temporary = await writeTemporary(path, write);
  try {
    await link(temporary, path);
    await syncFolder(path);
  } catch (error) {
    if (readErrorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A finished file beside the path, on the disk and readable by its owner only. */
async function writeTemporary(path: string, write: Write): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await write(file);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  return temporary;
}

/** A rename outlives a power failure only when its folder is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
