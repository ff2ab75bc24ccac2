import { open, readFile, type FileHandle } from 'node:fs/promises';
import type { DiskContent } from '../state.js';
import { grubCommandLine } from './grub-config.js';
import { readMedium } from './medium.js';

const SECTOR = 512;
/** Bytes of the largest disk that is looked into for a boot loader. */
const LARGEST_STUB = 64 * 1024 * 1024;

/** What uploaded bytes are to a machine that has them for a disk or in its CD-ROM drive. */
export async function diskContent(file: string, isRaw: boolean): Promise<DiskContent> {
  const handle = await open(file);
  try {
    const medium = await readMedium(handle, file);
    if (medium !== undefined) return { medium };
    return isRaw ? await rawContent(handle) : {};
  } finally {
    await handle.close();
  }
}

/** BIOS starts a disk whose first sector ends in a mark; a disk of ours has GRUB there, and its configuration as plain text. */
async function rawContent(handle: FileHandle): Promise<DiskContent> {
  const { size } = await handle.stat();
  const sector = Buffer.alloc(SECTOR);
  await handle.read(sector, 0, SECTOR, 0);
  if (sector.readUInt16LE(SECTOR - 2) !== 0xaa55) return { blank: true };
  if (size > LARGEST_STUB || !sector.subarray(0, 440).includes('GRUB')) return {};
  const startsWith = grubCommandLine((await readFile(handle)).toString('latin1'));
  return startsWith === undefined ? {} : { startsWith };
}
