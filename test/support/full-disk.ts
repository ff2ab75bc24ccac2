import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether this process may mount a file system. Only root may. The guests of the fake cloud also need root. */
export const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

/** Fills the disk of a folder to its last block, with the file `filler`. */
export async function fillDisk(directory: string): Promise<void> {
  const file = await open(join(directory, 'filler'), 'w');
  try {
    const block = Buffer.alloc(4096);
    for (;;) {
      const { bytesWritten } = await file.write(block);
      if (bytesWritten === 0) return;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}
