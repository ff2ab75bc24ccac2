import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FilePart } from './types.js';

type Write = (file: FileHandle) => Promise<void>;

function readErrorCode(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Reads a file, or only a part of it; returns undefined when the file does not exist. */
export async function readFileIfExists(path: string, part?: FilePart): Promise<Buffer | undefined> {
  return (part === undefined ? readFile(path) : readPart(path, part)).catch(ifAbsent(() => undefined));
}

async function readPart(path: string, { offset, length }: FilePart): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Lists the names in a folder; none when the folder does not exist. */
export async function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(ifAbsent((): string[] => []));
}

/** Returns a function that handles the error of an absent file by `otherwise`, and throws every other error again. */
export function ifAbsent<T>(otherwise: () => T): (error: unknown) => T {
  return (error) => {
    if (readErrorCode(error) !== 'ENOENT') throw error;
    return otherwise();
  };
}

/** Renames a folder. Does nothing when it does not exist. */
export async function moveFolder(from: string, to: string): Promise<void> {
  await rename(from, to).catch(ifAbsent(() => undefined));
}

/** Adds the complete files of a folder to another folder. A file that is already there stays as it is. */
export async function addFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of (await listFolder(from)).filter((entry) => !entry.endsWith('.part'))) {
    await link(join(from, name), join(to, name)).catch(ifPresent);
  }
  await syncFolder(to);
}

function ifPresent(error: unknown): void {
  if (readErrorCode(error) !== 'EEXIST') throw error;
}

/** Writes a complete file or nothing. Replaces an existing file. */
export async function replaceFile(path: string, write: Write): Promise<void> {
  const temporary = await writeTemporary(path, write);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Moves a complete file within a file system, and syncs it first. Replaces an existing file. */
export async function moveFile(from: string, to: string): Promise<void> {
  const file = await open(from, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(from, to);
  await syncFolder(dirname(to));
}

/**
 * Writes a complete file if none exists. If several callers write at the same time, one succeeds, and the content of
 * the others is dropped.
 */
export async function createFile(path: string, write: Write): Promise<void> {
  const temporary = await writeTemporary(path, write);
  try {
    await link(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    ifPresent(error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Writes and syncs a temporary file in the folder of `path`. Only the owner of the file can read it. */
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

/** Syncs a folder, because a rename survives a power failure only after this sync. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
