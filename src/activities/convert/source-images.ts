import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { withStoreErrors } from '../../domain/store-errors.js';
import { downloadImage } from '../images/download-image.js';
import type { SourceImage } from '../images/source-image.js';
import { cancellationSignal, reportProgress, sleep, type Deps } from '../shared/context.js';
import { withSpace } from './with-space.js';

/**
 * Calls `use` with the path of an image's file in the cache, and downloads the image first if the cache does not have
 * it. All conversions of one image share one download, also those of other workers with the same cache, because the
 * name of the file is the digest of the image. The file stays in the cache until `use` ends. It must not be changed.
 *
 * @throws FactoryError StoreFailed, retryable, when `use` failed because somebody removed or changed the file
 */
export async function withSourceImage<T>(
  deps: Deps,
  cloudName: string,
  source: SourceImage,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const { imageCache } = deps;
  const name = `${source.digest?.value ?? source.imageId}.${source.diskFormat}`;
  const lease = await withStoreErrors('write to', imageCache.folder, () => imageCache.use(name));
  try {
    const identity = await ensureDownloaded(deps, cloudName, source, name);
    return await use(imageCache.pathOf(name)).catch(async (error: unknown) => {
      if ((await imageCache.readIdentity(name)) === identity) throw error;
      throw new FactoryError('StoreFailed', `the file of image ${source.imageId} was removed while it was in use`, {
        retryable: true,
        cause: error,
        hint: `let nobody else remove or change files in ${imageCache.folder}`,
      });
    });
  } finally {
    await lease.release();
  }
}

/** Downloads an image unless the cache has it. Returns the identity of the file: see `ImageCache`. */
async function ensureDownloaded(deps: Deps, cloudName: string, source: SourceImage, name: string): Promise<string> {
  const { imageCache } = deps;
  const find = (): Promise<string | undefined> =>
    withStoreErrors('read', imageCache.pathOf(name), () => imageCache.find(name, source.digest, cancellationSignal()));
  for (;;) {
    const identity = await find();
    if (identity !== undefined) return identity;
    const turn = await withStoreErrors('write to', imageCache.folder, () => imageCache.startDownload(name));
    if (turn === undefined) {
      reportProgress({ message: `waiting for another step that downloads image ${source.imageId}` });
      // If that step fails or is cancelled, this one downloads the image itself.
      await sleep(deps.pollInterval);
      continue;
    }
    try {
      // The other step may have ended just before this one took its turn.
      if ((await find()) === undefined) await download(deps, cloudName, source, name);
    } finally {
      await turn.release();
    }
  }
}

async function download(deps: Deps, cloudName: string, source: SourceImage, name: string): Promise<void> {
  const { imageCache } = deps;
  const part = `${imageCache.pathOf(name)}.${randomUUID()}.part`;
  await imageCache.shrinkTo(Math.max(0, imageCache.budget - source.size));
  const needs = { folder: imageCache.folder, folderTitle: 'the image cache', path: part, bytes: source.size };
  await withSpace(deps, needs, async () => {
    try {
      await withStoreErrors('write', part, async () => {
        await downloadImage(deps, cloudName, source.imageId, part).catch(explainMissing(source));
        await imageCache.add(name, part);
      });
    } finally {
      await rm(part, { force: true });
    }
  });
}

/** Returns a function that explains Glance's answer that there is no such image, and throws other errors again. */
function explainMissing({ imageId }: SourceImage): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    throw new FactoryError('NotFound', `image ${imageId} was deleted from Glance before it was downloaded`, {
      hint: 'build the base image again: imagefactory base_image TEMPLATE',
      cause: error,
    });
  };
}
