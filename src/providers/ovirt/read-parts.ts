import { type Disk, readDisk } from '../../formats/index.js';
import type { PushedImage } from '../types.js';
import { type Block, readBlocks } from '../transfer/blocks.js';

/**
 * Reads the bytes that a guest sees on the image's disk, in parts. A part of zeros has no data. `qemu-nbd` reads a
 * qcow2, without a raw copy.
 *
 * @param size bytes of the disk at the far end. What the file lacks of them is zeros
 */
export async function* readParts(
  { file }: PushedImage,
  partSize: number,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Block> {
  let offset = 0;
  const parts = file.format === 'raw' ? readBlocks(file.path, partSize, { signal }) : readQcow2(file, partSize, signal);
  for await (const part of parts) {
    const whole = Math.min(partSize, size - part.offset);
    offset = part.offset + whole;
    yield whole > part.length ? lengthen(part, whole) : part;
  }
  for (; offset < size; offset += partSize) {
    const length = Math.min(partSize, size - offset);
    yield { index: offset / partSize, offset, length, data: undefined };
  }
}

/** Adds zeros to the last part of a file that ends within it. */
function lengthen(part: Block, length: number): Block {
  if (part.data === undefined) return { ...part, length };
  return { ...part, length, data: Buffer.concat([part.data], length) };
}

async function* readQcow2(file: PushedImage['file'], partSize: number, signal: AbortSignal): AsyncGenerator<Block> {
  const disk: Disk = { path: file.path, format: 'qcow2', virtualSize: file.virtualSize };
  let chunks: Buffer[] = [];
  let length = 0;
  let index = 0;
  for await (const chunk of readDisk(disk, signal)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < partSize) continue;
    yield join(index++, chunks, length, partSize);
    chunks = [];
    length = 0;
  }
  if (length > 0) yield join(index, chunks, length, partSize);
}

function join(index: number, chunks: readonly Buffer[], length: number, partSize: number): Block {
  const isZero = chunks.every((chunk) => isAllZero(chunk));
  return { index, offset: index * partSize, length, data: isZero ? undefined : Buffer.concat(chunks, length) };
}

const ZEROS = Buffer.alloc(1024 * 1024);

function isAllZero(chunk: Buffer): boolean {
  return chunk.compare(ZEROS, 0, chunk.length) === 0;
}
