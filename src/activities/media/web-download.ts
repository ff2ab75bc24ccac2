import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../../domain/errors.js';
import { checksumMismatchError } from '../../media/verify-checksum.js';
import { fetchValidators } from '../../media/head.js';
import { redactUrl } from '../../media/urls.js';
import type { Cloud, Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { ensureImage } from '../images/ensure-image.js';
import { claimMedium, findMedium, buildMediumRequest, type MediumUse, getMediumImage } from './ensure-medium.js';
import type { WantedMedium } from './fetch-medium.js';

/** Glance's name of the import method by which it fetches an image itself. */
const METHOD = 'web-download';

/** Checks that Glance can fetch the media itself. @throws FactoryError InvalidParameter */
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
 * Finds a medium that Glance has fetched itself, or asks Glance to fetch it. Its bytes never pass the worker, so its
 * key is made of its URL and the validators that show whether the resource has changed.
 * @throws FactoryError MediaUnavailable; ChecksumMismatch, and then the image is deleted
 */
export async function ensureWebMedium(
  deps: Deps,
  { ref, method }: MediumUse,
  wanted: WantedMedium,
): Promise<{ image: Image; note: string }> {
  const { kind, digest } = wanted;
  const { url, key } = await findAddress(wanted);
  const present = await findMedium(deps, ref.cloud, { kind, method, key });
  const id = present?.id ?? (await importByGlance(deps, { ref, method }, { kind, key, url }));
  const image = await getMediumImage(deps, ref.cloud, id);
  await verifyDigest(deps.clouds.get(ref.cloud), image, digest);
  await claimMedium(deps, ref.cloud, id);
  const note = present === undefined ? `fetched by Glance from ${redactUrl(url)}` : `is image ${id} already`;
  return { image, note: `${kind} ${note}` };
}

/** Finds the first URL that has the file, and builds the key of its current content. */
async function findAddress({ urls }: WantedMedium): Promise<{ url: string; key: string }> {
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

function importByGlance(
  deps: Deps,
  { ref, method }: MediumUse,
  { kind, key, url }: { kind: WantedMedium['kind']; key: string; url: string },
): Promise<string> {
  reportProgress({ message: `Glance is fetching ${redactUrl(url)}` });
  return ensureImage(deps, ref.cloud, { ...buildMediumRequest(deps, { kind, method, key }), content: { uri: url } });
}

/** Checks the digest. Glance has MD5 and one digest of its own choice; for another one the worker reads the bytes. */
async function verifyDigest(cloud: Cloud, image: Image, expected: WantedMedium['digest']): Promise<void> {
  if (expected === undefined) return;
  const { algorithm, value } = expected;
  const actual = readGlanceDigest(image, algorithm) ?? (await downloadDigest(cloud, image.id, algorithm));
  if (actual === value.toLowerCase()) return;
  await cloud.image.deleteImage(image.id, { signal: cancellationSignal() });
  throw checksumMismatchError(`what Glance has fetched (image ${image.id})`, algorithm, actual, value.toLowerCase());
}

function readGlanceDigest(image: Image, algorithm: string): string | undefined {
  if (image.os_hash_algo === algorithm) return image.os_hash_value ?? undefined;
  return algorithm === 'md5' ? (image.checksum ?? undefined) : undefined;
}

async function downloadDigest(cloud: Cloud, id: string, algorithm: string): Promise<string> {
  reportProgress({ message: `reading image ${id} for its ${algorithm} digest` });
  const { data } = await cloud.image.downloadImage(id, { signal: cancellationSignal() });
  const hash = createHash(algorithm);
  await pipeline(data, hash, { signal: cancellationSignal() });
  return hash.digest('hex');
}
