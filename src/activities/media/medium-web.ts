import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../../domain/errors.js';
import { checksumMismatchError } from '../../media/digest.js';
import { fetchValidators } from '../../media/head.js';
import { redactUrl } from '../../media/urls.js';
import type { Cloud, Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { ensureImage } from '../images/ensure-image.js';
import { claimMedium, findMedium, mediumRequest, type MediumUse, usedImage } from './medium.js';
import type { WantedMedium } from './medium-fetch.js';

/** How Glance calls fetching an image by itself. */
const METHOD = 'web-download';

/** @throws FactoryError InvalidParameter where Glance cannot fetch a medium by itself */
export async function checkWebDownload({ name, image }: Cloud, urls: string[]): Promise<void> {
  const strange = urls.find((url) => !/^https?:/i.test(url));
  const methods = strange === undefined ? await image.listImportMethods({ signal: cancellationSignal() }) : [];
  if (strange === undefined && methods.includes(METHOD)) return;
  const why = strange === undefined ? `cloud ${name} does not offer it` : `${redactUrl(strange)} is no http(s) address`;
  throw new FactoryError('InvalidParameter', `parameter web_download: ${why}`, {
    hint: 'leave it out: the worker fetches media then',
  });
}

/**
 * Finds a medium that Glance has fetched by itself, or lets it fetch it. Its bytes never pass the worker, so it is known by its address and by what
 * tells whether that has changed since.
 *
 * @throws FactoryError MediaUnavailable; ChecksumMismatch, and then the image is gone
 */
export async function ensureWebMedium(
  deps: Deps,
  { ref, method }: MediumUse,
  wanted: WantedMedium,
): Promise<{ image: Image; note: string }> {
  const { kind, digest } = wanted;
  const { url, key } = await keyOf(wanted);
  const present = await findMedium(deps, ref.cloud, { kind, method, key });
  const id = present?.id ?? (await fetched(deps, { ref, method }, { kind, key, url }));
  const image = await usedImage(deps, ref.cloud, id);
  await verify(deps.clouds.get(ref.cloud), image, digest);
  await claimMedium(deps, ref.cloud, id);
  const note = present === undefined ? `fetched by Glance from ${redactUrl(url)}` : `is image ${id} already`;
  return { image, note: `${kind} ${note}` };
}

/** The first address that has the file, and the key of what is there now. */
async function keyOf({ urls }: WantedMedium): Promise<{ url: string; key: string }> {
  let missing: unknown;
  for (const url of urls) {
    try {
      const { etag, lastModified, size } = await fetchValidators(url, { signal: cancellationSignal() });
      const text = JSON.stringify([url, etag ?? '', lastModified ?? '', size ?? 0]);
      return { url, key: `web:${createHash('sha256').update(text).digest('hex')}` };
    } catch (error) {
      if (!(error instanceof FactoryError) || error.retryable) throw error;
      missing ??= error;
    }
  }
  throw missing;
}

function fetched(
  deps: Deps,
  { ref, method }: MediumUse,
  { kind, key, url }: { kind: WantedMedium['kind']; key: string; url: string },
): Promise<string> {
  reportProgress({ message: `Glance is fetching ${redactUrl(url)}` });
  return ensureImage(deps, ref.cloud, { ...mediumRequest(deps, { kind, method, key }), content: { uri: url } });
}

/** Glance has one digest of its own choice, and MD5; for another one the bytes are read once more. */
async function verify(cloud: Cloud, image: Image, expected: WantedMedium['digest']): Promise<void> {
  if (expected === undefined) return;
  const { algorithm, value } = expected;
  const actual = known(image, algorithm) ?? (await digestOf(cloud, image.id, algorithm));
  if (actual === value.toLowerCase()) return;
  await cloud.image.deleteImage(image.id, { signal: cancellationSignal() });
  throw checksumMismatchError(`what Glance has fetched (image ${image.id})`, algorithm, actual, value.toLowerCase());
}

function known(image: Image, algorithm: string): string | undefined {
  if (image.os_hash_algo === algorithm) return image.os_hash_value ?? undefined;
  return algorithm === 'md5' ? (image.checksum ?? undefined) : undefined;
}

async function digestOf(cloud: Cloud, id: string, algorithm: string): Promise<string> {
  reportProgress({ message: `reading image ${id} for its ${algorithm} digest` });
  const { data } = await cloud.image.downloadImage(id, { signal: cancellationSignal() });
  const hash = createHash(algorithm);
  await pipeline(data, hash, { signal: cancellationSignal() });
  return hash.digest('hex');
}
