import type { ArchiveFile } from '../bytes/content.js';

/* A writer of tar archives that have the same bytes every time: no names of owners, no time, no extended headers. */

/**
 * How the header says what it is. `ustar` (POSIX 1003.1-1988) is what OVF 1.1 asks of an OVA. `oldgnu` is what GNU tar
 * calls its own format, and the only one that Google Compute Engine takes.
 */
export type TarDialect = 'ustar' | 'oldgnu';

export const TAR_BLOCK = 512;
/** The end of an archive: two blocks of zeros. */
const END = Buffer.alloc(2 * TAR_BLOCK);
/** Bytes of a header's size that hold octal digits. */
const OCTAL_DIGITS = 11;
/** Offsets and lengths in the header. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;
const REGULAR_FILE = '0';
const FOLDER = '5';

/**
 * Writes the header of a file, or of a folder if its name ends with a slash. A size of 8 GiB and more is written in
 * base 256, as GNU tar does in both dialects.
 */
export function writeTarHeader(file: Omit<ArchiveFile, 'read'>, dialect: TarDialect): Buffer {
  const { name, size, mode = 0o644, owner = 0 } = file;
  const header = Buffer.alloc(TAR_BLOCK);
  const write = (field: keyof typeof FIELDS, text: string): void => {
    const [at, length] = FIELDS[field];
    if (Buffer.byteLength(text) > length) throw new RangeError(`${text} does not fit into a tar header`);
    header.write(text, at);
  };
  const writeOctal = (field: keyof typeof FIELDS, value: number): void =>
    write(field, value.toString(8).padStart(FIELDS[field][1] - 1, '0'));
  write('name', name);
  writeOctal('mode', mode);
  writeOctal('uid', owner);
  writeOctal('gid', owner);
  if (size.toString(8).length <= OCTAL_DIGITS) writeOctal('size', size);
  else writeBase256(header, size);
  writeOctal('mtime', 0);
  write('type', name.endsWith('/') ? FOLDER : REGULAR_FILE);
  write('magic', dialect === 'ustar' ? 'ustar\x0000' : 'ustar  \x00');
  // The checksum is the sum of all bytes, where its own are blanks.
  const [at, length] = FIELDS.checksum;
  header.fill(' ', at, at + length);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write('checksum', `${sum.toString(8).padStart(6, '0')}\x00 `);
  return header;
}

function writeBase256(header: Buffer, size: number): void {
  const [at, length] = FIELDS.size;
  header[at] = 0x80;
  header.writeBigUInt64BE(BigInt(size), at + length - 8);
}

/** Reads the name and the size of a header that {@link writeTarHeader} has written; undefined at the archive's end. */
export function readTarHeader(header: Buffer): { name: string; size: number } | undefined {
  if (header.length < TAR_BLOCK || header[0] === 0) return undefined;
  const read = (field: keyof typeof FIELDS): string => {
    const [at, length] = FIELDS[field];
    return header.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  };
  const [at, length] = FIELDS.size;
  const isBase256 = header[at] === 0x80;
  return {
    name: read('name'),
    size: isBase256 ? Number(header.readBigUInt64BE(at + length - 8)) : Number.parseInt(read('size'), 8),
  };
}

/** Bytes between the end of a file and the next header. */
export function padding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/**
 * Writes an archive with the given files, in their order.
 *
 * @throws RangeError when a file has another size than it says
 */
export async function* writeTar(files: readonly ArchiveFile[], dialect: TarDialect): AsyncGenerator<Buffer> {
  for (const file of files) {
    const { name, size } = file;
    yield writeTarHeader(file, dialect);
    let written = 0;
    for await (const chunk of file.read()) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new RangeError(`${name} has ${written} bytes, not ${size}`);
    if (padding(size) > 0) yield Buffer.alloc(padding(size));
  }
  yield END;
}

/** Returns where the content of each file begins in the archive, in bytes. */
export function listOffsets(files: readonly Pick<ArchiveFile, 'size'>[]): number[] {
  let next = 0;
  return files.map(({ size }) => {
    const offset = next + TAR_BLOCK;
    next = offset + size + padding(size);
    return offset;
  });
}

/** Bytes of an archive with files of the given sizes. */
export function tarSize(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + TAR_BLOCK + size + padding(size), END.length);
}
