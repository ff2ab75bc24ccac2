import type { Disk } from './types.js';

/** The bytes of a disk's beginning that {@link recogniseFormat} and {@link readQcow2Header} read. */
export const HEADER_BYTES = 512;

/** The magic numbers by which we tell a format. A file without one is refused, unless a user names its format. */
const MAGICS: readonly { format: Disk['format']; at: number; magic: Buffer }[] = [
  { format: 'qcow2', at: 0, magic: Buffer.from('QFI\xfb', 'latin1') },
  { format: 'vmdk', at: 0, magic: Buffer.from('KDMV') },
  { format: 'vhdx', at: 0, magic: Buffer.from('vhdxfile') },
  // A dynamic VHD begins with a copy of its footer. A fixed VHD has only the footer, and cannot be told from raw bytes.
  { format: 'vpc', at: 0, magic: Buffer.from('conectix') },
  { format: 'vdi', at: 64, magic: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
];

/**
 * Tells the format of a disk by its first bytes. A raw disk is told by its boot sector (0x55 0xAA), and only when it
 * has no other magic number. Returns undefined when the format is not one of those that we accept: LUKS, the text of a
 * VMDK that names other files, or anything else.
 *
 * A guest can write every byte of its own raw disk, also the header of a qcow2 that names a file of this machine. So
 * the answer is only the format with which the disk is then inspected, and that inspection refuses such a header.
 */
export function recogniseFormat(header: Buffer): Disk['format'] | undefined {
  const known = MAGICS.find(({ at, magic }) => header.subarray(at, at + magic.length).equals(magic));
  if (known !== undefined) return known.format;
  return header.length >= 512 && header.readUInt16LE(510) === 0xaa55 ? 'raw' : undefined;
}

/** Bit of the incompatible features of a qcow2: its data are in another file. */
const DATA_FILE = 1n << 2n;

/** What the header of a qcow2 says. https://www.qemu.org/docs/master/interop/qcow2.html */
export interface Qcow2Header {
  /** bytes */
  virtualSize: bigint;
  /** Why the disk must not be opened. Unset: there is no reason in its header. */
  refusal?: string;
}

/** Reads the header of a qcow2; returns undefined when the bytes are not one. */
export function readQcow2Header(header: Buffer): Qcow2Header | undefined {
  if (header.length < 104 || recogniseFormat(header) !== 'qcow2') return undefined;
  const version = header.readUInt32BE(4);
  const virtualSize = header.readBigUInt64BE(24);
  const refuse = (refusal: string): Qcow2Header => ({ virtualSize, refusal });
  if (version !== 2 && version !== 3) return refuse(`its version of qcow2 is ${version}, not 2 or 3`);
  if (header.readBigUInt64BE(8) !== 0n) return refuse('it has a backing file');
  if (header.readUInt32BE(32) !== 0) return refuse('it is encrypted');
  if (version === 3 && (header.readBigUInt64BE(72) & DATA_FILE) !== 0n) return refuse('its data are in another file');
  return { virtualSize };
}
