import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type ArchiveFile, ByteReader, findDifference, readChunks } from '../bytes/content.js';
import { type TarDialect, writeTar } from './tar.js';

/**
 * Compares an archive with what it should hold: all headers, and the content of all files, which is read anew from
 * where it came from.
 *
 * @returns what is wrong, in words; undefined when nothing is
 */
export async function findArchiveError(
  path: string,
  { files, dialect, gzipped }: { files: readonly ArchiveFile[]; dialect: TarDialect; gzipped: boolean },
  signal?: AbortSignal,
): Promise<string | undefined> {
  const bytes = readChunks(path, signal);
  const archive = new ByteReader(gzipped ? gunzip(bytes) : bytes);
  try {
    const offset = await findDifference(writeTar(files, dialect), archive);
    if (offset !== undefined) return `the archive differs at its byte ${offset}`;
    return (await archive.read(1)).length > 0 ? 'the archive has more bytes than it should have' : undefined;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    return `the archive cannot be unpacked: ${(error as Error).message}`;
  } finally {
    await archive.close();
  }
}

async function* gunzip(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  // The reader of `unpacked` sees the errors.
  pipeline(Readable.from(bytes), unpacked, () => undefined);
  yield* unpacked as AsyncIterable<Buffer>;
}
