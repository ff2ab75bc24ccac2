import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { downloadImage } from '../images/download-image.js';
import type { SourceImage } from '../images/source-image.js';
import { reportProgress, type Deps } from '../shared/context.js';

/** Milliseconds after its last use when a downloaded image is removed from the cache. */
const KEPT = 24 * 3_600_000;

/** The downloads of this process that are not complete, by the path of their file. */
const downloads = new Map<string, Promise<void>>();

/**
 * Returns the path of an image's file in the cache of this worker's machine, and downloads the image if the cache does
 * not have it. All conversions of one image that run on a worker share one download, because the name of the file is
 * the digest of the image. The file must not be changed.
 */
export async function ensureSourceImage(deps: Deps, cloudName: string, source: SourceImage): Promise<string> {
  const folder = deps.imageDirectory;
  const path = join(folder, `${source.digest}.${source.diskFormat}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeUnusedFiles(folder, path);
  while (!(await markUsed(path))) {
    const running = downloads.get(path);
    if (running === undefined) await startDownload(deps, cloudName, source, path);
    else {
      reportProgress({ message: `waiting for another step that downloads image ${source.imageId}` });
      // If that step fails or is cancelled, this one downloads the image itself.
      await Promise.race([running.catch(() => undefined), Context.current().cancelled]);
    }
  }
  return path;
}

async function startDownload(deps: Deps, cloudName: string, source: SourceImage, path: string): Promise<void> {
  const download = downloadComplete(deps, cloudName, source, path).finally(() => downloads.delete(path));
  downloads.set(path, download);
  await download;
}

async function downloadComplete(deps: Deps, cloudName: string, { imageId }: SourceImage, path: string): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  try {
    await downloadImage(deps, cloudName, imageId, part);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

/** Notes that a cached file is used now. Returns whether the file exists. */
async function markUsed(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

/** Removes the files of a cache that nobody has used for {@link KEPT}, except the file `path`. */
async function removeUnusedFiles(folder: string, path: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (file === path) continue;
    const usedAt = await stat(file).then(({ mtimeMs }) => mtimeMs, () => Date.now()); // prettier-ignore
    if (Date.now() - usedAt > KEPT) await rm(file, { force: true });
  }
}
