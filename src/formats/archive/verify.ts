import { type ArchiveFile, ByteReader, findDifference, readChunks, writeChunks } from '../bytes/content.js';
import { findGzipError, writeGzip } from './gzip.js';
import { type TarDialect, writeTar } from './tar.js';

/** An archive to write: its files in their order, and how they are packed. */
export interface Archive {
  path: string;
  files: readonly ArchiveFile[];
  dialect: TarDialect;
  gzipped: boolean;
}

/**
 * Compares an archive with what it should hold: all headers, and the content of all files, which is read anew from
 * where it came from.
 *
 * @returns what is wrong, in words; undefined when nothing is
 */
export type FindArchiveError = (signal: AbortSignal | undefined) => Promise<string | undefined>;

/** Writes an archive. @returns the function that compares it with what it should hold */
export async function writeArchive({ path, files, dialect, gzipped }: Archive): Promise<FindArchiveError> {
  if (!gzipped) {
    await writeChunks(path, writeTar(files, dialect));
    return async (signal) => describe(await findTarError(path, writeTar(files, dialect), signal));
  }
  const lengths = await writeGzip(path, writeTar(files, dialect));
  return async (signal) => describe(await findGzipError(path, lengths, writeTar(files, dialect), signal));
}

function describe(offset: number | undefined): string | undefined {
  return offset === undefined ? undefined : `the archive is wrong behind its first ${offset} bytes (unpacked)`;
}

async function findTarError(
  path: string,
  expected: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const archive = new ByteReader(readChunks(path, signal));
  try {
    const { difference, length } = await findDifference(expected, archive);
    if (difference !== undefined) return difference;
    return (await archive.read(1)).length > 0 ? length : undefined;
  } finally {
    await archive.close();
  }
}
