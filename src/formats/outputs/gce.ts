import { gzipBound, GZIP_NAME } from '../archive/gzip.js';
import { writeArchive } from '../archive/verify.js';
import type { ArchiveFile } from '../bytes/content.js';
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
  disk: { format: 'raw', archive: { gzipped: true, member: /^disk\.raw$/ } },
  reproducible: true,
  converter: GZIP_NAME,
  write: async ({ source, path, signal, onPercent }) => {
    // The two reads report their progress differently, since one is of the conversion and one of the comparison.
    let call: CallOptions = { signal, onPercent };
    const files = [rawFile(source, () => call)];
    const findError = await writeArchive({ path, files, dialect: 'oldgnu', gzipped: true });
    return async (verifying) => {
      call = verifying;
      const error = await findError(verifying.signal);
      if (error !== undefined) throw differsError(error);
    };
  },
  // A block of zeros is compressed to a thousandth.
  measure: async ({ extents, virtualSize }) => gzipBound(countBlocks(extents, 64 * KIB)) + Math.ceil(virtualSize / 500),
};

/** The disk as a file of an archive. Reports how much of it was read. */
function rawFile(source: Disk, getCall: () => CallOptions): ArchiveFile {
  return {
    name: 'disk.raw',
    size: source.virtualSize,
    async *read() {
      const { signal, onPercent } = getCall();
      let done = 0;
      for await (const chunk of readDisk(source, signal)) {
        yield chunk;
        done += chunk.length;
        onPercent?.((done / source.virtualSize) * 100);
      }
    },
  };
}
