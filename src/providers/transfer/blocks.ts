import { open } from 'node:fs/promises';

/** A part of a file. */
export interface Block {
  /** Number of the block: 0 is the first. */
  index: number;
  /** Offset of its first byte. */
  offset: number;
  /** The bytes. The last block of a file may be shorter. Undefined when all bytes are zero. */
  data: Buffer | undefined;
  /** Bytes of the block. */
  length: number;
}

/** Reads a file block by block. Every block is a buffer of its own. */
export async function* readBlocks(
  path: string,
  blockSize: number,
  options: { from?: number; signal?: AbortSignal } = {},
): AsyncGenerator<Block> {
  const zeros = Buffer.alloc(blockSize);
  const file = await open(path, 'r');
  try {
    for (let index = options.from ?? 0; ; index++) {
      options.signal?.throwIfAborted();
      const offset = index * blockSize;
      const data = await readFully(file, Buffer.allocUnsafe(blockSize), offset);
      if (data.length === 0) return;
      const isZero = data.compare(zeros, 0, data.length) === 0;
      yield { index, offset, length: data.length, data: isZero ? undefined : data };
    }
  } finally {
    await file.close();
  }
}

async function readFully(file: Awaited<ReturnType<typeof open>>, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
