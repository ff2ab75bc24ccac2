import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { MIB } from '../bytes/sizes.js';

/** Size and digests of a file. */
export interface Digests {
  /** bytes */
  size: number;
  sha256: string;
  sha512: string;
}

/** Bytes of one read. Between two reads, the other work of this process goes on. */
const CHUNK = MIB;

/** Writes the file's content to the disk, and reads it for its size and its digests. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<Digests> {
  const sha256 = createHash('sha256');
  const sha512 = createHash('sha512');
  const file = await open(path, 'r');
  try {
    await file.sync();
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let size = 0; ;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, CHUNK, size);
      if (bytesRead === 0) return { size, sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
      sha256.update(buffer.subarray(0, bytesRead));
      sha512.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Returns the SHA-256 of a text. */
export function digestText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
