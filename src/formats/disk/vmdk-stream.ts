import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import { KIB } from '../bytes/sizes.js';
import type { CallOptions } from './qemu-img.js';
import { readDisk } from './read-disk.js';
import type { Disk } from './types.js';

/*
 * A writer of streamOptimized VMDK: VMware's "Virtual Disk Format 5.0", sections on hosted sparse extents and on stream
 * optimized compressed sparse extents. qemu-img writes the same format on one core.
 */

const deflateAsync = promisify(deflate);

const SECTOR = 512;
/** Bytes that are compressed on their own. */
const GRAIN = 64 * KIB;
const GRAIN_SECTORS = GRAIN / SECTOR;
const TABLE_ENTRIES = 512;
/** Sectors of a grain table, whose entries have 4 bytes. */
const TABLE_SECTORS = (TABLE_ENTRIES * 4) / SECTOR;
/** Sectors before the first grain: the header, the descriptor, and free space. */
const OVERHEAD = 128;
const DESCRIPTOR = { offset: 1, sectors: 20 };
/** Tells that the grain directory's place is in the footer. */
const AT_END = 0xffff_ffff_ffff_ffffn;
/** The header's flags: new lines are checked, grains are compressed, and have markers. */
const FLAGS = 0x30001;
const DEFLATE = 1;
const MARKERS = { end: 0, table: 1, directory: 2, footer: 3 };
/** Level 1 is three times as fast as zlib's default, for some percent of the size. */
const LEVEL = 1;
/** Chunks of the disk that are compressed at the same time, with 16 grains each. */
const CHUNKS = 2;
const ZEROS = Buffer.alloc(GRAIN);

interface Grain {
  /** Number of the grain on the disk. */
  index: number;
  checksum: number;
  compressed: Buffer;
}

/**
 * Writes a disk as a streamOptimized VMDK, on several cores. The size of the disk is a multiple of 64 KiB. The same
 * disk gives the same bytes with the same version of zlib: the content's identifier is taken from the content.
 *
 * @throws FactoryError as {@link readDisk}
 */
export async function writeVmdkStream(
  source: Disk,
  path: string,
  options: { hardwareVersion: number; adapter: string },
  { signal, onPercent }: CallOptions,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    const stream = new VmdkStream(file, source.virtualSize / SECTOR);
    let done = 0;
    for await (const { grains, length } of compressChunks(readDisk(source, signal))) {
      await stream.writeGrains(grains);
      done += length;
      onPercent?.((done / source.virtualSize) * 100);
    }
    await stream.finish((contentId) => writeDescriptor(basename(path), source.virtualSize, { ...options, contentId }));
  } finally {
    await file.close();
  }
}

/** Compresses the grains of some chunks at the same time, and returns them in the order of the disk. */
async function* compressChunks(chunks: AsyncIterable<Buffer>): AsyncGenerator<{ grains: Grain[]; length: number }> {
  const waiting: Promise<{ grains: Grain[]; length: number }>[] = [];
  let first = 0;
  for await (const chunk of chunks) {
    const compressed = compressGrains(chunk, first).then((grains) => ({ grains, length: chunk.length }));
    // The failure is seen when the chunk's turn comes.
    compressed.catch(() => undefined);
    waiting.push(compressed);
    first += chunk.length / GRAIN;
    if (waiting.length >= CHUNKS) yield await (waiting.shift() as (typeof waiting)[number]);
  }
  for (const compressed of waiting) yield await compressed;
}

/** Compresses the grains of a chunk that are not empty. */
async function compressGrains(chunk: Buffer, first: number): Promise<Grain[]> {
  const grains: Promise<Grain>[] = [];
  for (let at = 0; at < chunk.length; at += GRAIN) {
    const grain = chunk.subarray(at, at + GRAIN);
    if (grain.equals(ZEROS)) continue;
    const index = first + at / GRAIN;
    grains.push(
      deflateAsync(grain, { level: LEVEL }).then((compressed) => ({ index, checksum: crc32(grain), compressed })),
    );
  }
  return Promise.all(grains);
}

/** The file while it is written: grains and their tables one after the other, then the directory and the footer. */
class VmdkStream {
  /** The sector that is written next. */
  private next = OVERHEAD;
  private readonly directory: number[];
  private table = { index: 0, entries: Buffer.alloc(TABLE_ENTRIES * 4), empty: true };
  private readonly content = createHash('sha256');

  constructor(
    private readonly file: FileHandle,
    /** sectors */
    private readonly capacity: number,
  ) {
    this.directory = new Array<number>(Math.ceil(capacity / GRAIN_SECTORS / TABLE_ENTRIES)).fill(0);
  }

  async writeGrains(grains: readonly Grain[]): Promise<void> {
    const parts: Buffer[] = [];
    for (const { index, checksum, compressed } of grains) {
      const table = Math.floor(index / TABLE_ENTRIES);
      if (table !== this.table.index) {
        await this.append(parts.splice(0));
        await this.finishTable(table);
      }
      this.table.entries.writeUInt32LE(this.next, (index % TABLE_ENTRIES) * 4);
      this.table.empty = false;
      this.content.update(`${index} ${checksum}\n`);
      const marker = Buffer.alloc(12);
      marker.writeBigUInt64LE(BigInt(index * GRAIN_SECTORS));
      marker.writeUInt32LE(compressed.length, 8);
      const grain = padToSector(Buffer.concat([marker, compressed]));
      parts.push(grain);
      this.next += grain.length / SECTOR;
    }
    await this.append(parts);
  }

  /** Writes the rest of the file, and its start. */
  async finish(describe: (contentId: string) => string): Promise<void> {
    await this.finishTable(this.directory.length);
    const entries = Buffer.alloc(this.directory.length * 4);
    this.directory.forEach((sector, index) => entries.writeUInt32LE(sector, index * 4));
    const directory = padToSector(entries);
    const directoryAt = this.next + 1;
    const tail = [
      writeMarker(MARKERS.directory, directory.length / SECTOR),
      directory,
      writeMarker(MARKERS.footer, 1),
      this.writeHeader(BigInt(directoryAt)),
      writeMarker(MARKERS.end, 0),
    ];
    this.next += tail.reduce((sum, part) => sum + part.length, 0) / SECTOR;
    await this.append(tail);
    const start = Buffer.alloc(OVERHEAD * SECTOR);
    this.writeHeader(AT_END).copy(start);
    start.write(describe(this.content.digest('hex').slice(0, 8)), DESCRIPTOR.offset * SECTOR);
    await this.writeAt(start, 0);
  }

  /** Writes the table of the grains so far, unless none of them has data, and begins another one. */
  private async finishTable(next: number): Promise<void> {
    const { index, entries, empty } = this.table;
    if (!empty) {
      const marker = writeMarker(MARKERS.table, TABLE_SECTORS);
      this.directory[index] = this.next + 1;
      this.next += 1 + TABLE_SECTORS;
      await this.append([marker, entries]);
    }
    this.table = { index: next, entries: Buffer.alloc(TABLE_ENTRIES * 4), empty: true };
  }

  /** Writes parts that end where the next sector begins. */
  private async append(parts: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(parts);
    await this.writeAt(bytes, this.next * SECTOR - bytes.length);
  }

  private async writeAt(bytes: Buffer, position: number): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += (await this.file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
    }
  }

  /** The header, which is also the footer; they differ in the place of the grain directory. */
  private writeHeader(directory: bigint): Buffer {
    const header = Buffer.alloc(SECTOR);
    header.write('KDMV', 0, 'latin1');
    header.writeUInt32LE(3, 4);
    header.writeUInt32LE(FLAGS, 8);
    header.writeBigUInt64LE(BigInt(this.capacity), 12);
    header.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
    header.writeBigUInt64LE(BigInt(DESCRIPTOR.offset), 28);
    header.writeBigUInt64LE(BigInt(DESCRIPTOR.sectors), 36);
    header.writeUInt32LE(TABLE_ENTRIES, 44);
    header.writeBigUInt64LE(directory, 56);
    header.writeBigUInt64LE(BigInt(OVERHEAD), 64);
    header.write('\n \r\n', 73, 'latin1');
    header.writeUInt16LE(DEFLATE, 77);
    return header;
  }
}

function writeMarker(type: number, sectors: number): Buffer {
  const marker = Buffer.alloc(SECTOR);
  marker.writeBigUInt64LE(BigInt(sectors));
  marker.writeUInt32LE(type, 12);
  return marker;
}

function padToSector(bytes: Buffer): Buffer {
  const missing = (SECTOR - (bytes.length % SECTOR)) % SECTOR;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

/** Writes the descriptor, which names the disk's file, its size and its adapter. */
function writeDescriptor(
  name: string,
  virtualSize: number,
  { hardwareVersion, adapter, contentId }: { hardwareVersion: number; adapter: string; contentId: string },
): string {
  const sectors = virtualSize / SECTOR;
  const geometry = { heads: 255, sectors: 63 };
  const cylinders = Math.min(Math.floor(sectors / (geometry.heads * geometry.sectors)), 65535);
  return [
    '# Disk DescriptorFile',
    'version=1',
    `CID=${contentId}`,
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    '# Extent description',
    `RW ${sectors} SPARSE "${name}"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    `ddb.virtualHWVersion = "${hardwareVersion}"`,
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${geometry.heads}"`,
    `ddb.geometry.sectors = "${geometry.sectors}"`,
    `ddb.adapterType = "${adapter}"`,
    // The guest manages VMware's tools itself (open-vm-tools).
    'ddb.toolsVersion = "2147483647"',
    '',
  ].join('\n');
}
