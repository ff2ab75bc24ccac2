import { open, readFile, type FileHandle } from 'node:fs/promises';
import type { DiskContent } from '../state.js';
import { findCommandLine } from './grub-config.js';
import { readMedium } from './medium.js';

const SECTOR = 512;
/**
 * Size in bytes of the largest disk in which `readRawDisk` looks for a GRUB configuration. It does not read larger
 * disks.
 */
const LARGEST_STUB = 64 * 1024 * 1024;

/**
 * Reads the content that a machine finds when the file is its disk or its CD-ROM: a medium, a boot loader, or nothing.
 */
export async function readDiskContent(file: string, isRaw: boolean): Promise<DiskContent> {
  const handle = await open(file);
  try {
    const medium = await readMedium(handle, file);
    if (medium !== undefined) return { medium };
    return isRaw ? await readRawDisk(handle) : {};
  } finally {
    await handle.close();
  }
}

/**
 * Checks whether a raw disk can boot, and reads the kernel command line that its boot loader uses. BIOS boots a disk
 * whose first sector ends in 0x55 0xAA. Disks that imagefactory creates have GRUB in that sector, and GRUB's
 * configuration as plain text.
 */
async function readRawDisk(handle: FileHandle): Promise<DiskContent> {
  const { size } = await handle.stat();
  const sector = Buffer.alloc(SECTOR);
  await handle.read(sector, 0, SECTOR, 0);
  if (sector.readUInt16LE(SECTOR - 2) !== 0xaa55) return { blank: true };
  if (size > LARGEST_STUB || !sector.subarray(0, 440).includes('GRUB')) return {};
  const startsWith = findCommandLine((await readFile(handle)).toString('latin1'));
  return startsWith === undefined ? {} : { startsWith };
}
