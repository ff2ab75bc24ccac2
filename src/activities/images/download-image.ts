import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { cancellationSignal, type Deps, reportProgress } from '../shared/context.js';

/** Downloads an image to a path, and returns the path. Fails when the digest of the bytes is not Glance's digest. */
export async function downloadImage(
  deps: Pick<Deps, 'clouds'>,
  cloudName: string,
  id: string,
  path: string,
): Promise<string> {
  const message = `downloading image ${id}`;
  reportProgress({ message });
  const { image } = deps.clouds.get(cloudName);
  const { data, size } = await image.downloadImage(id, { signal: cancellationSignal() });
  let bytes = 0;
  let reported = 0;
  data.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    const percent = size === null ? 0 : Math.floor((bytes / size) * 100);
    // A report costs more than a chunk, so there is one for each percent.
    if (percent <= reported) return;
    reported = percent;
    reportProgress({ message, percent });
  });
  await pipeline(data, createWriteStream(path, { mode: 0o600 }));
  return path;
}
