import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;

/** A part of a file. Its bytes are read each time when they are needed, so that parts of any size take no memory. */
export interface FilePart {
  /** Number of the part: 0 is the first. */
  index: number;
  /** Offset of its first byte. */
  offset: number;
  /** Bytes of the part. The last one may be shorter. */
  length: number;
}

/** Divides a file into parts. */
export function* divideFile(size: number, partSize: number): Generator<FilePart> {
  for (let offset = 0; offset < size; offset += partSize) {
    yield { index: offset / partSize, offset, length: Math.min(partSize, size - offset) };
  }
}

/** Opens the bytes of a part. */
export function readPart(path: string, { offset, length }: FilePart): ReadStream {
  return createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: CHUNK });
}

/** Computes a digest of a part. */
export async function digestPart(
  path: string,
  part: FilePart,
  algorithm: 'sha256' | 'md5',
  signal: AbortSignal,
): Promise<Buffer> {
  const digest = createHash(algorithm);
  for await (const chunk of readPart(path, part) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    digest.update(chunk);
  }
  return digest.digest();
}
