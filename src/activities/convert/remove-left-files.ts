import { rm } from 'node:fs/promises';
import type { Deps } from '../shared/context.js';

/**
 * Removes what killed workers have left of conversions and downloads, and what is too much in the image cache. A worker
 * calls this when it starts. A failure does not stop it: each step removes what is in its way.
 */
export async function removeLeftFiles({ space, imageCache }: Pick<Deps, 'space' | 'imageCache'>): Promise<void> {
  try {
    // Listed first: a download is claimed before its file is created.
    const parts = await imageCache.listParts();
    const claimed = await space.removeLeft();
    for (const part of parts.filter((path) => !claimed.includes(path))) await rm(part, { force: true });
    await imageCache.shrinkTo();
  } catch {
    // The folders may not be there yet, or may not be reachable now.
  }
}
