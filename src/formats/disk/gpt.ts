import { crc32 } from 'node:zlib';

/* Moves the backup of a GUID partition table to the end of a larger disk: UEFI 2.10, chapter 5. */

const SECTOR = 512;
const SIGNATURE = Buffer.from('EFI PART', 'latin1');
/** The smallest and the largest header that we accept. */
const HEADER_SIZES = { smallest: 92, largest: SECTOR };
/** Offsets in the header. */
const AT = {
  size: 12,
  crc: 16,
  current: 24,
  alternate: 32,
  lastUsable: 48,
  entries: 72,
  count: 80,
  entrySize: 84,
  entriesCrc: 88,
};
/** Offsets in the protective MBR. */
const MBR = { firstPartition: 446, size: 16, partitions: 4, type: 4, sectors: 12, protective: 0xee };
const LARGEST_MBR_COUNT = 0xffffffff;

/** Bytes to write at an offset of the disk. */
export interface Patch {
  offset: number;
  bytes: Buffer;
}

/**
 * Plans how the partition table of a disk is fitted to a larger size: the protective MBR and the primary header in the
 * first two sectors, and the backup at the new end. The old backup becomes free space.
 *
 * @param head the first bytes of the disk, at least 1 MiB if the disk has as many
 * @param size size of the disk after it has grown, in bytes, a multiple of 512
 * @returns undefined when the disk has no valid GPT
 */
export function planGptMove(head: Buffer, size: number): Patch[] | undefined {
  const primary = readHeader(head);
  if (primary === undefined) return undefined;
  const { header, entries } = primary;
  const lastSector = BigInt(size / SECTOR - 1);
  const entriesAt = lastSector - BigInt(Math.ceil(entries.length / SECTOR));
  header.writeBigUInt64LE(lastSector, AT.alternate);
  header.writeBigUInt64LE(entriesAt - 1n, AT.lastUsable);
  const backup = Buffer.from(header);
  backup.writeBigUInt64LE(lastSector, AT.current);
  backup.writeBigUInt64LE(1n, AT.alternate);
  backup.writeBigUInt64LE(entriesAt, AT.entries);
  const tail = Buffer.alloc(Number(lastSector - entriesAt + 1n) * SECTOR);
  entries.copy(tail);
  sealHeader(backup).copy(tail, tail.length - SECTOR);
  const start = Buffer.alloc(2 * SECTOR);
  fitProtectiveMbr(head.subarray(0, SECTOR), size).copy(start);
  sealHeader(header).copy(start, SECTOR);
  return [
    { offset: 0, bytes: start },
    { offset: Number(entriesAt) * SECTOR, bytes: tail },
  ];
}

/** Copies the primary header and its entries; undefined when one of them is not valid or not in `head`. */
function readHeader(head: Buffer): { header: Buffer; entries: Buffer } | undefined {
  if (head.length < 2 * SECTOR || !head.subarray(SECTOR, SECTOR + SIGNATURE.length).equals(SIGNATURE)) return undefined;
  const header = Buffer.from(head.subarray(SECTOR, 2 * SECTOR));
  const size = header.readUInt32LE(AT.size);
  if (size < HEADER_SIZES.smallest || size > HEADER_SIZES.largest) return undefined;
  const wanted = header.readUInt32LE(AT.crc);
  if (sealHeader(header).readUInt32LE(AT.crc) !== wanted) return undefined;
  const start = Number(header.readBigUInt64LE(AT.entries)) * SECTOR;
  const end = start + header.readUInt32LE(AT.count) * header.readUInt32LE(AT.entrySize);
  if (end > head.length) return undefined;
  const entries = Buffer.from(head.subarray(start, end));
  return crc32(entries) === header.readUInt32LE(AT.entriesCrc) ? { header, entries } : undefined;
}

/** Writes the header's own checksum into it. */
function sealHeader(header: Buffer): Buffer {
  header.writeUInt32LE(0, AT.crc);
  header.writeUInt32LE(crc32(header.subarray(0, header.readUInt32LE(AT.size))), AT.crc);
  return header;
}

/**
 * Copies the MBR, with a protective partition that covers the larger disk. A hybrid MBR, which has other partitions
 * too, stays as it is.
 */
function fitProtectiveMbr(sector: Buffer, size: number): Buffer {
  const mbr = Buffer.from(sector);
  const types = Array.from(
    { length: MBR.partitions },
    (_, index) => mbr[MBR.firstPartition + index * MBR.size + MBR.type],
  );
  if (types[0] === MBR.protective && types.slice(1).every((type) => type === 0)) {
    mbr.writeUInt32LE(Math.min(size / SECTOR - 1, LARGEST_MBR_COUNT), MBR.firstPartition + MBR.sectors);
  }
  return mbr;
}
