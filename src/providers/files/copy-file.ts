import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { readBlocks } from '../transfer/blocks.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { ifMissing } from './folder-errors.js';

/** Bytes of a block of the copy. */
const BLOCK = 4 * 1024 * 1024;
/** Bytes after which the copy is synced in between, so that a stop of the machine costs little. */
const SYNC_EVERY = 256 * 1024 * 1024;

/**
 * Copies an image's file to a new file, or goes on with one that an earlier attempt has begun: what is there is
 * compared with the file, and kept as far as it is the same. Blocks of zeros become holes. Reads the copy again at the
 * end.
 *
 * @param requireLease throws when another attempt may write the copy now
 * @returns bytes that were written
 * @throws FactoryError ChecksumMismatch, retryable, when the copy differs from the file; then the copy is empty
 */
export async function copyFile(
  operation: Operation,
  image: PushedImage,
  path: string,
  title: string,
  requireLease: () => Promise<void>,
): Promise<number> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  const copy = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o666);
  // Another attempt may have given the copy its name: a file that is published must not be cut.
  const truncate = async (size: number): Promise<void> => {
    await requireLease();
    const [{ ino }, named] = [await copy.stat(), await lstat(path).catch(ifMissing)];
    if (named?.ino !== ino) throw copyLost(path);
    await copy.truncate(size);
  };
  try {
    const sent = await writeBlocks(operation, image, copy, title, truncate);
    await copy.sync();
    if ((await digestOf(copy, operation)) === image.file.sha256) return sent;
    await truncate(0);
  } finally {
    await copy.close();
  }
  throw new FactoryError('ChecksumMismatch', `${path} differs from ${image.file.name} after it was copied`, {
    retryable: true,
    hint: 'the next attempt copies it anew; if this happens again, check the disks of the worker',
  });
}

/** The error of a copy that another attempt, or a clean-up, has taken away. */
export function copyLost(path: string): FactoryError {
  return new FactoryError('StoreFailed', `${path} was taken by another attempt`, { retryable: true });
}

async function writeBlocks(
  operation: Operation,
  image: PushedImage,
  copy: FileHandle,
  title: string,
  truncate: (size: number) => Promise<void>,
): Promise<number> {
  const pace = new UploadPace(operation, title, image.file.size);
  const present = await countEqual(operation, image, copy, pace);
  await truncate(present * BLOCK);
  let [sent, unsynced] = [0, 0];
  for await (const block of readBlocks(image.file.path, BLOCK, { from: present, signal: operation.signal })) {
    if (block.data === undefined) {
      pace.skip(block.length);
      continue;
    }
    await pace.acquire(block.length);
    await writeFully(copy, block.data, block.offset);
    pace.sent(block.length);
    sent += block.length;
    unsynced += block.length;
    if (unsynced < SYNC_EVERY) continue;
    await copy.datasync();
    unsynced = 0;
  }
  // A hole at the end exists only by the size of the file.
  await truncate(image.file.size);
  return sent;
}

/** Counts the whole blocks at the beginning of the copy that are the same as those of the file. */
async function countEqual(
  operation: Operation,
  image: PushedImage,
  copy: FileHandle,
  pace: UploadPace,
): Promise<number> {
  const { size } = await copy.stat();
  if (size === 0) return 0;
  const there = Buffer.allocUnsafe(BLOCK);
  const zeros = Buffer.alloc(BLOCK);
  for await (const block of readBlocks(image.file.path, BLOCK, { signal: operation.signal })) {
    if (block.length < BLOCK || block.offset + BLOCK > size) return block.index;
    const { bytesRead } = await copy.read(there, 0, BLOCK, block.offset);
    if (bytesRead < BLOCK || !there.equals(block.data ?? zeros)) return block.index;
    pace.skip(BLOCK);
  }
  return Math.floor(image.file.size / BLOCK);
}

/** The system may write fewer bytes than asked for when the disk is nearly full. The next write then says so. */
async function writeFully(file: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let written = 0; written < data.length;) {
    const { bytesWritten } = await file.write(data, written, data.length - written, position + written);
    written += bytesWritten;
  }
}

async function digestOf(file: FileHandle, operation: Operation): Promise<string> {
  const { signal } = operation;
  const digest = createHash('sha256');
  const stream = file.createReadStream({ start: 0, autoClose: false, highWaterMark: BLOCK, signal });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    digest.update(chunk);
    operation.report({ message: 'reading the copy again' });
  }
  return digest.digest('hex');
}
