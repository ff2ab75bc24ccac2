import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { ByteReader, readChunks, writeChunks } from '../bytes/content.js';
import { MIB } from '../bytes/sizes.js';
import { TAR_BLOCK } from './tar.js';

/*
 * gzip (RFC 1952) on several cores: each block of the stream is deflated on its own, ends on a byte, and is followed by
 * the next. The same bytes give the same result with the same version of zlib, since no time is in it.
 */

const deflateAsync = promisify(deflateRaw);
const inflateAsync = promisify(inflateRaw);

/** Bytes that are compressed on their own. It costs less than 1 % of the size. */
const BLOCK = MIB;
/** The first block is the header of a tar's first file, so that the content after it is cut where it was read. */
const FIRST_BLOCK = TAR_BLOCK;
/** gzip's header: deflate, no flags, no time, fastest compression, made on Unix. */
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

/** Compresses a stream into a new file. @returns the compressed bytes of each block, for {@link findGzipError} */
export async function writeGzip(path: string, stream: AsyncIterable<Buffer>): Promise<number[]> {
  const lengths: number[] = [];
  await writeChunks(path, compress(stream, lengths));
  return lengths;
}

/** Compresses a stream. Adds the compressed bytes of each block to `lengths`, for {@link findGzipError}. */
export async function* compress(stream: AsyncIterable<Buffer>, lengths: number[] = []): AsyncGenerator<Buffer> {
  const trailer = new Trailer();
  const zeros = deflateBlock(ZEROS);
  const waiting: Promise<Buffer>[] = [];
  const next = async (): Promise<Buffer> => {
    const block = (await waiting.shift()) ?? Buffer.alloc(0);
    lengths.push(block.length);
    return block;
  };
  yield HEADER;
  for await (const block of toBlocks(stream)) {
    trailer.add(block);
    // Most of a disk is empty: a block of zeros is compressed once.
    const compressed = block.equals(ZEROS) ? zeros : deflateBlock(block);
    // The failure is seen when the block's turn comes.
    compressed.catch(() => undefined);
    waiting.push(compressed);
    if (waiting.length > THREADS) yield await next();
  }
  while (waiting.length > 0) yield await next();
  yield trailer.finish();
}

/**
 * Unpacks a file that {@link writeGzip} has written, and compares it with what it should hold.
 *
 * @param lengths what {@link writeGzip} has returned
 * @returns how many unpacked bytes are right before a difference; undefined when nothing differs
 */
export async function findGzipError(
  path: string,
  lengths: readonly number[],
  expected: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const file = new ByteReader(readChunks(path, signal));
  const trailer = new Trailer();
  const zeros = await deflateBlock(ZEROS);
  const waiting: Promise<number | undefined>[] = [];
  let index = 0;
  let right = 0;
  // Takes the result of the oldest block: its length if it is right. Returns false if it is not.
  const next = async (): Promise<boolean> => {
    const length = await waiting.shift();
    right += length ?? 0;
    return length !== undefined;
  };
  try {
    if (!(await file.read(HEADER.length)).equals(HEADER)) return right;
    if (!(await isDeflated(zeros, ZEROS))) return right;
    for await (const block of toBlocks(expected)) {
      trailer.add(block);
      const compressed = await file.read(lengths[index++] ?? 0);
      const good = compressed.equals(zeros) ? Promise.resolve(block.equals(ZEROS)) : isDeflated(compressed, block);
      waiting.push(good.then((is) => (is ? block.length : undefined)));
      if (waiting.length > THREADS && !(await next())) return right;
    }
    while (waiting.length > 0) if (!(await next())) return right;
    const end = trailer.finish();
    return (await file.read(end.length + 1)).equals(end) ? undefined : right;
  } finally {
    await file.close();
  }
}

function deflateBlock(block: Buffer): Promise<Buffer> {
  return deflateAsync(block, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
}

/** Tells whether bytes are a deflated block. */
function isDeflated(compressed: Buffer, block: Buffer): Promise<boolean> {
  return inflateAsync(compressed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: BLOCK }).then(
    (unpacked) => unpacked.equals(block),
    () => false,
  );
}

/** The end of a gzip: the last block, the checksum of all bytes, and their number. */
class Trailer {
  private checksum = 0;
  private size = 0;

  add(block: Buffer): void {
    this.checksum = block.equals(ZEROS) ? addZeros(this.checksum) : crc32(block, this.checksum);
    this.size += block.length;
  }

  finish(): Buffer {
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32LE(this.checksum);
    numbers.writeUInt32LE(this.size % 2 ** 32, 4);
    return Buffer.concat([LAST_BLOCK, numbers]);
  }
}

/** What a block of zeros makes of the checksum 0, and of each of the 32 bits of another one. */
let zerosEffect: { none: number; bits: number[] } | undefined;

/** The checksum after one more block of zeros. CRCs are linear, so that the block need not be read. */
function addZeros(checksum: number): number {
  const none = zerosEffect?.none ?? crc32(ZEROS, 0);
  zerosEffect ??= { none, bits: Array.from({ length: 32 }, (_, bit) => crc32(ZEROS, (1 << bit) >>> 0) ^ none) };
  return (
    zerosEffect.bits.reduce((sum, effect, bit) => (((checksum >>> bit) & 1) === 1 ? sum ^ effect : sum), none) >>> 0
  );
}

/** Cuts a stream into blocks; the last one may be smaller. */
async function* toBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let wanted = FIRST_BLOCK;
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + wanted - length);
      parts.push(part);
      at += part.length;
      length += part.length;
      if (length < wanted) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts);
      wanted = BLOCK;
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
