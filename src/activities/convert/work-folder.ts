import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withStoreErrors } from '../../domain/store-errors.js';
import type { Deps } from '../shared/context.js';
import { withSpace } from './with-space.js';

/**
 * Waits for disk space, makes a folder for the temporary files of this attempt, and removes it when the attempt ends.
 * An earlier attempt may still run, here or on another worker, when its heartbeats were lost. So each attempt has a
 * folder of its own, and keeps it until it ends: a folder belongs to a claim on space, and the claim ends with its
 * process.
 *
 * @param bytes the most that the files take
 * @throws FactoryError StoreFailed as {@link withSpace}, and when the work fails because the disk does
 */
export async function withWorkFolder<T>(
  deps: Deps,
  uuid: string,
  bytes: number,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { store } = deps;
  const parent = await store.prepareWorkFolder(uuid);
  await withStoreErrors('clean', parent, () => removeLeftFolders(deps, parent));
  const path = join(parent, randomUUID());
  return withSpace(deps, { folder: store.directory, folderTitle: 'the store', path, bytes }, () =>
    withStoreErrors('write to', path, async () => {
      await mkdir(path);
      try {
        return await work(path);
      } finally {
        await rm(path, { recursive: true, force: true });
      }
    }),
  );
}

/** Removes the folders of attempts that have ended: those that belong to no claim of a process that runs. */
async function removeLeftFolders({ space }: Deps, parent: string): Promise<void> {
  // Listed first: a folder is claimed before it is made.
  const paths = (await readdir(parent)).map((name) => join(parent, name));
  const claimed = await space.removeLeft();
  for (const path of paths.filter((one) => !claimed.includes(one))) await rm(path, { recursive: true, force: true });
}
