import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Patch, planGptMove } from './gpt.js';
import { runProgram } from './programs.js';
import { MIB, roundUp } from '../bytes/sizes.js';
import type { Disk } from './types.js';

/** A disk whose size is a multiple, and whether its partition table was fitted to that size. */
export interface PaddedDisk extends Disk {
  /** Whether the backup of a GPT was moved to the new end. */
  gptMoved: boolean;
}

/**
 * Makes the size of a disk a multiple of some bytes, without copying it: the padded disk is a small qcow2 whose backing
 * file is the source. It holds nothing but the moved GPT. A disk that has such a size already is returned as it is.
 *
 * @param folder folder for the files of the padded disk; it may be absent
 */
export async function padDisk(
  source: Disk,
  multiple: number,
  folder: string,
  signal?: AbortSignal,
): Promise<PaddedDisk> {
  const size = roundUp(source.virtualSize, multiple);
  if (size === source.virtualSize) return { ...source, gptMoved: false };
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'padded.qcow2');
  const args = ['create', '-q', '-f', 'qcow2', '-b', source.path, '-F', source.format, path, String(size)];
  await runProgram('qemu-img', args, { what: `enlarge the disk to ${size} bytes`, signal });
  const patches = planGptMove(await readHead(source, folder, signal), size) ?? [];
  for (const patch of patches) await writePatch(path, patch, folder, signal);
  return { path, format: 'qcow2', virtualSize: size, gptMoved: patches.length > 0 };
}

/** Reads the first MiB of a disk. */
async function readHead(source: Disk, folder: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const path = join(folder, 'head');
  const args = ['dd', '-f', source.format, '-O', 'raw', `bs=${MIB}`, 'count=1', `if=${source.path}`, `of=${path}`];
  await runProgram('qemu-img', args, { what: 'read the partition table', signal });
  return readFile(path);
}

async function writePatch(
  disk: string,
  { offset, bytes }: Patch,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  // qemu-io splits its command at blanks, so the name of the file has none.
  await writeFile(join(folder, 'patch'), bytes);
  const args = ['-f', 'qcow2', '-c', `write -q -s patch ${offset} ${bytes.length}`, disk];
  await runProgram('qemu-io', args, { what: 'move the partition table’s backup', folder, signal });
}
