import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { MIB } from '../bytes/sizes.js';

const deflateAsync = promisify(deflateRaw);

/** Bytes that are compressed on their own, so that several cores can work. It costs less than 1 % of the size. */
const BLOCK = MIB;
/** gzip's header (RFC 1952): deflate, no flags, no time, fastest compression, made on Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3]);
/** The last block of the deflate stream: empty. */
const LAST_BLOCK = Buffer.from([3, 0]);
/** Level 1 is three times as fast as zlib's default, for some percent of the size. */
const LEVEL = 1;
/** Node does the work on four threads, which also serve the file system. */
const THREADS = Math.min(availableParallelism(), 3);
const ZEROS = Buffer.alloc(BLOCK);

/** Words for the record. */
export const GZIP_NAME = `zlib ${process.versions.zlib}`;

/**
 * Compresses a stream as one gzip member, on several cores: each block is deflated on its own, ends on a byte, and is
 * followed by the next. The same bytes give the same result with the same version of zlib, since no time is in it.
 */
export async function* gzip(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let checksum = 0;
  let size = 0;
  let zeros: Promise<Buffer> | undefined;
  const waiting: Promise<Buffer>[] = [];
  yield HEADER;
  for await (const block of toBlocks(stream)) {
    checksum = crc32(block, checksum);
    size += block.length;
    // Most of a disk is empty: a block of zeros is compressed once.
    const empty = block.equals(ZEROS);
    const compressed: Promise<Buffer> = empty ? (zeros ??= deflateBlock(block)) : deflateBlock(block);
    // The failure is seen when the block's turn comes.
    compressed.catch(() => undefined);
    waiting.push(compressed);
    if (waiting.length > THREADS) yield await (waiting.shift() as Promise<Buffer>);
  }
  for (const compressed of waiting) yield await compressed;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([LAST_BLOCK, trailer]);
}

function deflateBlock(block: Buffer): Promise<Buffer> {
  return deflateAsync(block, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
}

/** Cuts a stream into blocks of the same size; the last one may be smaller. */
async function* toBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK - length);
      parts.push(part);
      at += part.length;
      length += part.length;
      if (length < BLOCK) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts);
      parts = [];
      length = 0;
    }
  }
  if (length > 0) yield Buffer.concat(parts);
}

/** Bytes of a gzip of so many bytes at most: data that cannot be compressed grow by 5 bytes in 16 KiB, and more. */
export function gzipBound(bytes: number): number {
  return Math.ceil(bytes * 1.001) + MIB;
}
