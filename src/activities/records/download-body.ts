import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import type { BuildRef } from '../../domain/names.js';

/** Downloads a base image to `<uuid>.body`. Throws at the end if the digest of the file is not Glance's digest. */
export async function downloadBody(deps: Deps, input: { ref: BuildRef; imageId: string }): Promise<{ bytes: number }> {
  const { image } = deps.clouds.get(input.ref.cloud);
  const { data, size } = await image.downloadImage(input.imageId, { signal: cancellationSignal() });
  const bytes = await deps.store.writeBody(input.ref.uuid, data, {
    signal: cancellationSignal(),
    onProgress: (done) =>
      reportProgress({
        message: 'fetching the image',
        ...(size === null ? {} : { percent: Math.floor((done / size) * 100) }),
      }),
  });
  return { bytes };
}
