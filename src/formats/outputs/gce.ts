import { gzip, gzipBound, GZIP_NAME } from '../archive/gzip.js';
import { writeTar } from '../archive/tar.js';
import { findArchiveError } from '../archive/verify.js';
import { type ArchiveFile, writeChunks } from '../bytes/content.js';
import { GIB, KIB } from '../bytes/sizes.js';
import { type CallOptions, countBlocks, differsError } from '../disk/qemu-img.js';
import { readDisk } from '../disk/read-disk.js';
import type { Disk } from '../disk/types.js';
import type { OutputFormat } from './output-format.js';

/**
 * Google Compute Engine: a gzip of a tar of GNU's old format with one file, `disk.raw`, of whole GiB. Google's service
 * refuses every other kind of tar. The bytes go from the source into the archive; no raw disk is written.
 */
export const gce: OutputFormat = {
  extension: 'tar.gz',
  multipleOf: GIB,
  verifiedBy: 'disk.raw in the archive compared with the source byte by byte',
  reproducible: true,
  converter: GZIP_NAME,
  write: async ({ source, path, signal, onPercent }) => {
    await writeChunks(path, gzip(writeTar([rawFile(source, { signal, onPercent })], 'oldgnu')));
    return async (call) => {
      const archive = { files: [rawFile(source, call)], dialect: 'oldgnu', gzipped: true } as const;
      const error = await findArchiveError(path, archive, call.signal);
      if (error !== undefined) throw differsError(error);
    };
  },
  // A block of zeros is compressed to a thousandth.
  measure: async ({ extents, virtualSize }) => gzipBound(countBlocks(extents, 64 * KIB)) + Math.ceil(virtualSize / 500),
};

/** The disk as a file of an archive. Reports how much of it was read. */
function rawFile(source: Disk, { signal, onPercent }: CallOptions): ArchiveFile {
  return {
    name: 'disk.raw',
    size: source.virtualSize,
    async *read() {
      let done = 0;
      for await (const chunk of readDisk(source, signal)) {
        yield chunk;
        done += chunk.length;
        onPercent?.((done / source.virtualSize) * 100);
      }
    },
  };
}
