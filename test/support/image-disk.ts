import { execFile } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The type of a Linux partition in a partition table of a PC's BIOS (MBR). */
const LINUX = 0x83;
const SECTOR = 512;

/**
 * Copies folders of an image's disk to this machine, without mounting the disk. Owners, modes and times stay as in the
 * image. The disk has one Linux partition with ext4, in an MBR.
 *
 * @param image the image's file, in a format that qemu-img reads
 * @param folders absolute paths; a folder that the disk does not have is left out
 * @param target an existing folder that gets the copies, each under its path, and for a while the raw disk
 */
export async function copyFromDisk(image: string, folders: readonly string[], target: string): Promise<void> {
  const raw = join(target, '.disk.raw');
  await run('qemu-img', ['convert', '-O', 'raw', image, raw]);
  try {
    const device = `${raw}?offset=${await findLinuxPartition(raw)}`;
    const { stdout } = await run('debugfs', ['-R', 'ls -p /', device]);
    for (const folder of folders) {
      const [, first = ''] = folder.split('/');
      if (!stdout.includes(`/${first}/`)) continue;
      const parent = join(target, folder, '..');
      await mkdir(parent, { recursive: true });
      await run('debugfs', ['-R', `rdump ${folder} ${parent}`, device], { maxBuffer: 16 * 1024 ** 2 });
    }
  } finally {
    await rm(raw, { force: true });
  }
}

/** Finds where the first Linux partition of a disk begins, in bytes. @throws Error when the disk has none */
async function findLinuxPartition(raw: string): Promise<number> {
  const table = Buffer.alloc(SECTOR);
  const file = await open(raw);
  try {
    await file.read(table, 0, SECTOR, 0);
  } finally {
    await file.close();
  }
  const entries = [0, 1, 2, 3].map((index) => table.subarray(446 + 16 * index, 462 + 16 * index));
  const linux = entries.find((entry) => entry[4] === LINUX);
  if (table.readUInt16LE(510) !== 0xaa55 || linux === undefined) throw new Error(`${raw} has no Linux partition`);
  return linux.readUInt32LE(8) * SECTOR;
}
