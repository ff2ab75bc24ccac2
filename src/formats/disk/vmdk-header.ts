import { type FileHandle, open } from 'node:fs/promises';

/** The kinds of VMDK that are one file. The others are a text that names other files, which qemu-img would read. */
export const SINGLE_FILE_VMDK = ['monolithicSparse', 'streamOptimized'];

const SECTOR = 512;
/** Where QEMU expects the descriptor in a VMDK of one file, and how much of it QEMU reads: in sectors. */
const DESCRIPTOR = { offset: 1, sectors: 20 };
/** Places in the header of a sparse extent: VMware's "Virtual Disk Format 5.0". */
const [CAPACITY, DESCRIPTOR_OFFSET] = [12, 28];

/**
 * Reads the header and the descriptor of a VMDK without QEMU, which opens every file that a descriptor names. Returns
 * why the VMDK must not be opened; undefined when there is no reason.
 */
export async function findVmdkRefusal(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const header = await readSectors(file, 0, 1);
    // The text of a descriptor, or another format.
    if (header.length < SECTOR || header.toString('latin1', 0, 4) !== 'KDMV') {
      const text = (await readSectors(file, 0, DESCRIPTOR.sectors)).toString('latin1');
      return refuseType(text) ?? 'it is the descriptor of other files';
    }
    // QEMU takes the descriptor for the whole disk when there is no extent behind the header.
    if (header.readBigUInt64LE(CAPACITY) === 0n) return 'its extents are not in the file';
    if (header.readBigUInt64LE(DESCRIPTOR_OFFSET) !== BigInt(DESCRIPTOR.offset)) return 'it has no descriptor';
    const descriptor = (await readSectors(file, DESCRIPTOR.offset, DESCRIPTOR.sectors)).toString('latin1');
    if (/parentFileNameHint\s*=\s*"?[^"\s]/i.test(descriptor)) return 'it has a backing file';
    return refuseType(descriptor);
  } finally {
    await file.close();
  }
}

/** Returns why the type in a descriptor is refused; undefined when the VMDK is one file. */
function refuseType(descriptor: string): string | undefined {
  const types = [...descriptor.matchAll(/createType\s*=\s*"?([\w-]*)/gi)].map(([, type = '']) => type);
  const other = types.find((type) => !SINGLE_FILE_VMDK.includes(type));
  if (other !== undefined) return `a VMDK of type ${other} is not one file`;
  return types.length === 0 ? 'its descriptor names no type' : undefined;
}

async function readSectors(file: FileHandle, sector: number, count: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(count * SECTOR), 0, count * SECTOR, sector * SECTOR);
  return buffer.subarray(0, bytesRead);
}
