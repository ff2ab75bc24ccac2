import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scratchDirectory } from '../core/scratch.js';
import { Disks } from './disks.js';
import { Sandbox } from './sandbox.js';

export type GuestSupport = { supported: true; directory: string } | { supported: false; reason: string };

let known: Promise<GuestSupport> | undefined;

/** Whether this system can run guests safely: Linux, root, name spaces and an overlay file system. Tried once. */
export function guestSupport(): Promise<GuestSupport> {
  known ??= probe();
  return known;
}

async function probe(): Promise<GuestSupport> {
  if (process.platform !== 'linux') return { supported: false, reason: 'guests need Linux name spaces' };
  if (process.getuid?.() !== 0)
    return { supported: false, reason: 'guests need root: they are started in name spaces of their own' };
  let reason = '';
  // A container's own file system may be an overlay already, on which none can be stacked: memory then.
  for (const parent of [tmpdir(), '/dev/shm']) {
    const directory = await scratchDirectory(parent).catch(() => undefined);
    if (directory === undefined) continue;
    try {
      await mkdir(join(directory, 'guests'), { mode: 0o700 });
      const disks = new Disks(join(directory, 'guests'));
      const sandbox = new Sandbox(await disks.copy(), disks.tools, 'probe', false, () => undefined);
      await sandbox.start();
      await sandbox.kill();
      return { supported: true, directory: parent };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  return { supported: false, reason };
}
