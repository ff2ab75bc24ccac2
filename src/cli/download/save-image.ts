import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import type { Digest } from '../../domain/lineage.js';
import { returnPart, takePart } from './part-file.js';

/** From where the bytes of an image are read. */
export interface ImageSource {
  /** For messages: the path of a file, an image in Glance. */
  name: string;
  /** Bytes. Null when the size is not known. */
  size: number | null;
  /** The digest that the bytes must have. Undefined when none is known. */
  digest: Digest | undefined;
  /** Reads from an offset. The source may begin at the first byte all the same, and says so by the `offset`. */
  read(offset: number, signal: AbortSignal): Promise<{ data: AsyncIterable<Buffer>; offset: number }>;
}

export interface SaveOptions {
  signal: AbortSignal;
  /** Called with the number of bytes that are there. */
  onProgress?: (bytes: number) => void;
}

/** What a download has written. */
export interface Saved {
  /** Bytes. */
  size: number;
  /** Bytes that an earlier, interrupted download had written. 0 when there was none. */
  resumedAt: number;
}

/** Bytes of one read of a file. */
const CHUNK = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK);

/**
 * Writes an image to a file. The bytes are first written to `part`, which becomes the file when all of them are there
 * and their digest is right. An interrupted download leaves `part`, and the next download to it goes on at its end. Two
 * downloads of one image at the same time each have a file of their own.
 *
 * @throws FactoryError Conflict when the file exists and `force` is not set, ChecksumMismatch when the bytes are not
 *   those of the image: then `part` is removed. StoreFailed when the file cannot be written. The signal's reason after
 *   an abort
 */
export async function saveImage(
  source: ImageSource,
  { path, part, force }: { path: string; part: string; force: boolean },
  options: SaveOptions,
): Promise<Saved> {
  await refuseExisting(path, force);
  return withFileErrors(part, async () => {
    const own = await takePart(part);
    try {
      const saved = await fill(source, own, options);
      await refuseExisting(path, force);
      await rename(own, path);
      return saved;
    } catch (error) {
      await returnPart(own, part);
      throw error;
    }
  });
}

/**
 * Passes an image on to `write`.
 *
 * @throws FactoryError ChecksumMismatch at the end, when the bytes are not those of the image
 */
export async function passImage(
  source: ImageSource,
  write: (chunk: Buffer) => Promise<void>,
  { signal, onProgress }: SaveOptions,
): Promise<Saved> {
  const content = new Content(source);
  const { data } = await source.read(0, signal);
  for await (const chunk of data) {
    signal.throwIfAborted();
    content.add(chunk);
    await write(chunk);
    onProgress?.(content.size);
  }
  content.check();
  return { size: content.size, resumedAt: 0 };
}

/** Checks that a file may be written. @throws FactoryError Conflict */
export async function refuseExisting(path: string, force: boolean): Promise<void> {
  const found = await findFile(path);
  if (found === undefined || (force && found.isFile())) return;
  throw new FactoryError('Conflict', `${path} exists already`, {
    hint: found.isFile() ? '--force replaces it' : 'it is no file: give another name',
  });
}

async function findFile(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw toFileError(path, error);
  }
}

async function fill(source: ImageSource, part: string, options: SaveOptions): Promise<Saved> {
  const file = await open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666);
  let useless = false;
  try {
    return await fillFile(source, file, options);
  } catch (error) {
    // A file with wrong bytes cannot be continued, and nor need an empty one.
    useless = isMismatch(error) || (await file.stat()).size === 0;
    throw error;
  } finally {
    await file.close();
    if (useless) await rm(part, { force: true });
  }
}

async function fillFile(source: ImageSource, file: FileHandle, { signal, onProgress }: SaveOptions): Promise<Saved> {
  let content = new Content(source);
  const { size: there } = await file.stat();
  for await (const chunk of readFrom(file, there)) {
    signal.throwIfAborted();
    content.add(chunk);
    onProgress?.(content.size);
  }
  let resumedAt = content.size;
  if (source.size === null || content.size < source.size) {
    const { data, offset } = await source.read(resumedAt, signal);
    if (offset !== resumedAt) {
      content = new Content(source);
      resumedAt = 0;
      await file.truncate(0);
    }
    for await (const chunk of data) {
      signal.throwIfAborted();
      await writeSparse(file, chunk, content.size);
      content.add(chunk);
      onProgress?.(content.size);
    }
  }
  content.check();
  // The last bytes may be zeros, which were not written.
  await file.truncate(content.size);
  await file.sync();
  return { size: content.size, resumedAt };
}

/** Writes a chunk, but leaves out zeros behind the end of the file: they become a hole, which takes no space. */
async function writeSparse(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; at += CHUNK) {
    const piece = chunk.subarray(at, at + CHUNK);
    if (piece.equals(ZEROS.subarray(0, piece.length))) continue;
    for (let done = 0; done < piece.length;) {
      done += (await file.write(piece, done, piece.length - done, position + at + done)).bytesWritten;
    }
  }
}

async function* readFrom(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let position = 0; position < size;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, size - position), position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The bytes of an image so far: their number and their digest. */
class Content {
  size = 0;
  private readonly hash: Hash | undefined;

  constructor(private readonly source: ImageSource) {
    this.hash = source.digest === undefined ? undefined : createHash(source.digest.algorithm);
  }

  add(chunk: Buffer): void {
    this.size += chunk.length;
    this.hash?.update(chunk);
  }

  /** @throws FactoryError CloudUnavailable when bytes are missing, ChecksumMismatch when the bytes are wrong */
  check(): void {
    const { name, size, digest } = this.source;
    if (size !== null && this.size < size) {
      throw new FactoryError('CloudUnavailable', `${name} ended after ${this.size} of ${size} bytes`, {
        hint: 'give the same command again: it goes on where this one stopped',
      });
    }
    const value = this.hash?.digest('hex');
    if ((size === null || this.size === size) && value === digest?.value) return;
    const wrong =
      value === digest?.value
        ? `${this.size} bytes, and the record of the image says ${size}`
        : `the ${digest?.algorithm} digest ${value}, and the record of the image says ${digest?.value}`;
    throw new FactoryError('ChecksumMismatch', `what came from ${name} has ${wrong}`, {
      hint: 'give the same command again: it begins anew',
    });
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'ChecksumMismatch';
}

/** Runs the work, and converts errors of the file system. */
async function withFileErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toFileError(path, error);
  }
}

function toFileError(path: string, error: unknown): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return error;
  return new FactoryError('StoreFailed', `cannot write ${path}: ${(error as Error).message}`, {
    hint:
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'make room, and give the same command again: it goes on where this one stopped'
        : 'check the folder and its permissions',
    cause: error,
  });
}
