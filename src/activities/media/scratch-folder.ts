import { mkdir, rm } from 'node:fs/promises';
import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { prepareSpoolPath } from './fetch-medium.js';

/**
 * Runs `work` in a temporary folder of this try, and deletes the folder at the end. Also deletes the folders that an
 * earlier try of this build has left.
 */
export async function withScratchFolder<T>(
  deps: Deps,
  ref: BuildRef,
  purpose: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await prepareSpoolPath(deps, ref, `${purpose}-folder`);
  await mkdir(folder, { mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
