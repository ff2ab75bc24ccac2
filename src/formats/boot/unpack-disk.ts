import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FactoryError } from '../../domain/errors.js';
import { readTarHeader, TAR_BLOCK } from '../archive/tar.js';
import { ByteReader } from '../bytes/content.js';
import { KIB, MIB, roundUp } from '../bytes/sizes.js';
import type { DiskInFile } from '../outputs/output-format.js';

/** Bytes of zeros that become a hole of the file. */
const PIECE = 256 * KIB;
const ZEROS = Buffer.alloc(PIECE);

/**
 * Unpacks the disk of an archive into a new file. Zeros become holes.
 *
 * @throws FactoryError ImageFailed when the archive has no disk. The signal's reason after an abort
 */
export async function unpackDisk(
  archive: string,
  { gzipped, member }: NonNullable<DiskInFile['archive']>,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const file = createReadStream(archive, { highWaterMark: MIB });
  // The failure of a stream reaches its reader; the callback has nothing to do.
  const stream = gzipped ? pipeline(file, createGunzip({ chunkSize: MIB }), () => undefined) : file;
  const reader = new ByteReader(stream as AsyncIterable<Buffer>);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const header = readTarHeader(await reader.read(TAR_BLOCK));
      if (header === undefined) throw new FactoryError('ImageFailed', 'the archive has no disk');
      if (member.test(header.name)) return await writeSparse(reader, header.size, target, signal);
      await skip(reader, roundUp(header.size, TAR_BLOCK));
    }
  } finally {
    await reader.close();
  }
}

async function skip(reader: ByteReader, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= MIB) await reader.read(Math.min(left, MIB));
}

async function writeSparse(reader: ByteReader, size: number, target: string, signal?: AbortSignal): Promise<void> {
  const file = await open(target, 'wx');
  try {
    await file.truncate(size);
    for (let at = 0; at < size;) {
      signal?.throwIfAborted();
      const piece = await reader.read(Math.min(PIECE, size - at));
      if (piece.length === 0) throw new FactoryError('ImageFailed', 'the archive ends within its disk');
      if (!ZEROS.subarray(0, piece.length).equals(piece)) await file.write(piece, 0, piece.length, at);
      at += piece.length;
    }
  } finally {
    await file.close();
  }
}
