import { open, readFile, type FileHandle } from 'node:fs/promises';
import type { DiskContent } from '../state.js';
import { findCommandLine } from './grub-config.js';
import { readMedium } from './medium.js';

const SECTOR = 512;
/** Size in bytes of the largest disk in which a boot loader is looked for. */
const LARGEST_STUB = 64 * 1024 * 1024;

/** Reads from uploaded bytes what a machine finds on them as its disk or in its CD-ROM drive. */
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
 * BIOS boots a disk whose first sector ends in 0x55 0xAA. Our disks have GRUB there, and its configuration as plain
 * text.
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
