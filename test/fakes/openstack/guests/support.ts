import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScratchDirectory } from '../core/scratch-directory.js';
import { GuestDisks } from './guest-disks.js';
import { GuestContainer } from './guest-container.js';

export type GuestSupport = { supported: true; directory: string } | { supported: false; reason: string };

let known: Promise<GuestSupport> | undefined;

/**
 * Checks whether this system can run guests safely. Guests need Linux, root, namespaces and an overlay file system. The
 * check starts a container, once in each process.
 */
export function checkGuestSupport(): Promise<GuestSupport> {
  known ??= startProbe();
  return known;
}

async function startProbe(): Promise<GuestSupport> {
  if (process.platform !== 'linux') return { supported: false, reason: 'guests need Linux namespaces' };
  if (process.getuid?.() !== 0)
    return { supported: false, reason: 'guests need root: they run in namespaces of their own' };
  let reason = '';
  // If this system is a container, tmpdir() may be on an overlay, and an overlay cannot be mounted on another one. Then
  // we use /dev/shm, which is in memory.
  for (const parent of [tmpdir(), '/dev/shm']) {
    const directory = await createScratchDirectory(parent).catch(() => undefined);
    if (directory === undefined) continue;
    try {
      await mkdir(join(directory, 'guests'), { mode: 0o700 });
      const disks = new GuestDisks(join(directory, 'guests'));
      const container = new GuestContainer(await disks.copy(), disks.tools, 'probe', false, () => undefined);
      await container.start();
      await container.kill();
      return { supported: true, directory: parent };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  return { supported: false, reason };
}
