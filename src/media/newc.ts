/** A file of an archive that the kernel unpacks. Only root can read the unpacked file. */
export interface ArchivedFile {
  /** Path without a leading slash. */
  path: string;
  content: Buffer;
}

const REGULAR_FILE = 0o100600;
const TRAILER = 'TRAILER!!!';

/**
 * Builds a cpio archive in the "newc" format, to append to a ramdisk. The kernel unpacks the archive after the ramdisk.
 * https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html
 */
export function buildNewcArchive(files: readonly ArchivedFile[]): Buffer {
  const entries = files.map(({ path, content }, index) => buildEntry(path, content, index + 1, REGULAR_FILE));
  return Buffer.concat([...entries, buildEntry(TRAILER, Buffer.alloc(0), 0, 0)]);
}

/** Creates the zero bytes that pad content of this length to a multiple of four bytes. */
export function createPadding(bytes: number): Buffer {
  return Buffer.alloc((4 - (bytes % 4)) % 4);
}

function buildEntry(name: string, content: Buffer, inode: number, mode: number): Buffer {
  const path = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  const start = Buffer.concat([header, path]);
  return Buffer.concat([start, createPadding(start.length), content, createPadding(content.length)]);
}
