import { open } from 'node:fs/promises';
import { MIB } from '../bytes/sizes.js';

/** A file that goes into an archive. */
export interface ArchiveFile {
  /** Name in the archive. That of a folder ends with a slash. */
  name: string;
  /** bytes */
  size: number;
  /** Permissions. Default: everybody reads, the owner writes. */
  mode?: number;
  /** Number of the user and of the group that the file belongs to. Default 0, which is root. */
  owner?: number;
  /** Reads the content from its start; every call reads it anew. */
  read(): AsyncIterable<Buffer>;
}

/** A file of an archive whose content is a text. */
export function textFile(name: string, text: string): ArchiveFile {
  const content = Buffer.from(text);
  return {
    name,
    size: content.length,
    async *read() {
      yield content;
    },
  };
}

/** A file of an archive whose content is a file on the disk. */
export async function diskFile(name: string, path: string, signal?: AbortSignal): Promise<ArchiveFile> {
  const file = await open(path, 'r');
  try {
    return { name, size: (await file.stat()).size, read: () => readChunks(path, signal) };
  } finally {
    await file.close();
  }
}

/** Reads a file in chunks of at most 1 MiB. Every chunk is a buffer of its own. */
export async function* readChunks(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(MIB), 0, MIB);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Writes chunks into a new file. */
export async function writeChunks(path: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const chunk of chunks) {
      for (let written = 0; written < chunk.length;) {
        written += (await file.write(chunk, written)).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}

/**
 * Compares two streams of bytes, whatever their chunks are, until the first one ends.
 *
 * @returns the offset of the first difference, undefined when there is none; and how many bytes were compared
 */
export async function findDifference(
  expected: AsyncIterable<Buffer>,
  actual: ByteReader,
): Promise<{ difference: number | undefined; length: number }> {
  let length = 0;
  for await (const chunk of expected) {
    const found = await actual.read(chunk.length);
    if (!found.equals(chunk)) {
      const at = found.findIndex((byte, index) => byte !== chunk[index]);
      return { difference: length + (at < 0 ? found.length : at), length };
    }
    length += chunk.length;
  }
  return { difference: undefined, length };
}

/** Reads a stream by numbers of bytes. */
export class ByteReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  /** Reads so many bytes; fewer at the end of the stream. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.rest.length === 0) {
        const next = await this.chunks.next();
        if (next.done === true) break;
        this.rest = next.value;
      }
      const part = this.rest.subarray(0, missing);
      this.rest = this.rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Ends the stream before its end. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }
}
