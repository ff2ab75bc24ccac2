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

/** Glance's name of the import method with which Glance fetches an image from a URL itself. */
const METHOD = 'web-download';

/**
 * Checks that Glance can fetch the media itself. Refuses a URL whose address is not open to templates on this worker.
 * Otherwise a template could make Glance read the loopback and metadata addresses of Glance's own host.
 *
 * @throws FactoryError InvalidParameter; MediaUnavailable for an address that is not open to templates
 */
export async function checkWebDownload({ access }: Deps, { name, image }: Cloud, urls: string[]): Promise<void> {
  for (const url of urls) access.addresses.checkUrl(url);
  const strange = urls.find((url) => !/^https?:/i.test(url));
  const methods = strange === undefined ? await image.listImportMethods({ signal: cancellationSignal() }) : [];
  if (strange === undefined && methods.includes(METHOD)) return;
  const why =
    strange === undefined
      ? `cloud ${name} does not offer the import method ${METHOD}`
      : `${redactUrl(strange)} is not an http or https URL`;
  throw new FactoryError('InvalidParameter', `parameter web_download: ${why}`, {
    hint: 'leave the parameter out: then the worker fetches the media',
  });
}

/**
 * Finds a medium that Glance has fetched itself, or requests Glance to fetch it. The key of such a medium is not the
 * digest of its bytes, because the worker does not download it. The key is the digest of the URL and of the HTTP
 * validators, which show whether the resource has changed.
 * @throws FactoryError MediaUnavailable; ChecksumMismatch, after the image has been deleted
 */
export async function ensureWebMedium(
  deps: Deps,
  { ref, method }: MediumUse,
  wanted: WantedMedium,
): Promise<{ image: Image; note: string }> {
  const { kind, digest } = wanted;
  const { url, key } = await findAddress(deps, wanted);
  const present = await findMedium(deps, ref.cloud, { kind, method, key });
  const id = present?.id ?? (await importByGlance(deps, { ref, method }, { kind, key, url }));
  const image = await getMediumImage(deps, ref.cloud, id);
  await verifyDigest(deps.clouds.get(ref.cloud), image, digest);
  await claimMedium(deps, ref.cloud, id);
  const note = present === undefined ? `fetched by Glance from ${redactUrl(url)}` : `exists already as image ${id}`;
  return { image, note: `${kind} ${note}` };
}

/** Finds the first URL that has the medium, and builds the key of the medium's current content. */
async function findAddress({ access }: Deps, { urls }: WantedMedium): Promise<{ url: string; key: string }> {
  let missing: unknown;
  for (const url of urls) {
    try {
      const { etag, lastModified, size } = await fetchValidators(url, { signal: cancellationSignal(), access });
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

/**
 * Checks the digest of an image, and deletes the image when the digest is wrong. Glance provides the MD5 digest and one
 * other digest, whose algorithm it chooses. For a digest of another algorithm, the worker downloads the image and
 * computes it.
 */
async function verifyDigest(cloud: Cloud, image: Image, expected: WantedMedium['digest']): Promise<void> {
  if (expected === undefined) return;
  const { algorithm, value } = expected;
  const actual = readGlanceDigest(image, algorithm) ?? (await downloadDigest(cloud, image.id, algorithm));
  if (actual === value.toLowerCase()) return;
  await cloud.image.deleteImage(image.id, { signal: cancellationSignal() });
  throw checksumMismatchError(
    `the medium that Glance has fetched (image ${image.id})`,
    algorithm,
    actual,
    value.toLowerCase(),
  );
}

function readGlanceDigest(image: Image, algorithm: string): string | undefined {
  if (image.os_hash_algo === algorithm) return image.os_hash_value ?? undefined;
  return algorithm === 'md5' ? (image.checksum ?? undefined) : undefined;
}

async function downloadDigest(cloud: Cloud, id: string, algorithm: string): Promise<string> {
  reportProgress({ message: `downloading image ${id} to compute its ${algorithm} digest` });
  const { data } = await cloud.image.downloadImage(id, { signal: cancellationSignal() });
  const hash = createHash(algorithm);
  await pipeline(data, hash, { signal: cancellationSignal() });
  return hash.digest('hex');
}
