import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { fetchToFile } from '../../media/fetch.js';
import { fetchValidators, type Validators } from '../../media/head.js';
import { redactUrl } from '../../media/urls.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

const GIB = 1024 ** 3;
/** Maximum size of a medium in bytes. */
const LARGEST: Record<MediumKind, number> = { kernel: 4 * GIB, ramdisk: 4 * GIB, iso: 16 * GIB, disk: 128 * GIB };

/** The kinds of files that boot an installer, and the disk of a system that is installed already. */
export type MediumKind = 'kernel' | 'ramdisk' | 'iso' | 'disk';

/** A medium to find or to fetch. */
export interface WantedMedium {
  kind: MediumKind;
  /** URLs of the medium. They are tried in this order. */
  urls: string[];
  /** The digest that the medium must have. Unset: any digest is accepted. */
  digest?: { algorithm: string; value: string };
}

/** A medium at a URL. */
export interface Medium {
  /** The medium's SHA-256 digest in hexadecimal. */
  sha256: string;
  url: string;
  /** Path of the fetched file. Undefined when it was not necessary to fetch it. */
  path?: string;
}

/**
 * Cache entry of a URL: the HTTP validators of the resource (ETag, modification time, length), and the digest of its
 * bytes.
 */
interface CachedDigest {
  validators: Validators;
  sha256: string;
}

/**
 * Finds the SHA-256 digest of a medium, and fetches the medium only if necessary. Takes the expected digest, if it is a
 * SHA-256. If no digest is expected, takes the cached digest as long as the resource at the URL has not changed.
 * Otherwise fetches the medium and computes the digest.
 */
export async function identifyMedium(deps: Deps, spool: string, file: WantedMedium): Promise<Medium> {
  const expected = file.digest;
  const first = file.urls[0] ?? '';
  if (expected?.algorithm === 'sha256') return { sha256: expected.value.toLowerCase(), url: first };
  for (const url of file.urls) {
    const memory = await readCachedDigest(deps, url);
    if (memory === undefined || expected !== undefined) continue;
    const now = await fetchValidators(url, { signal: cancellationSignal(), access: deps.access }).catch(
      () => undefined,
    );
    cancellationSignal().throwIfAborted();
    if (now !== undefined && isUnchanged(memory.validators, now)) return { sha256: memory.sha256, url };
  }
  return fetchMedium(deps, spool, file);
}

/** Checks whether a resource is unchanged: by its ETag, or, without ETags, by its modification time and its length. */
function isUnchanged(then: Validators, now: Validators): boolean {
  if (then.etag !== undefined || now.etag !== undefined) return then.etag === now.etag;
  return then.lastModified !== undefined && then.lastModified === now.lastModified && then.size === now.size;
}

/**
 * Chooses a new path to which this try fetches the medium, because other runs may fetch the same medium at the same
 * time. Deletes the files that an earlier try of this build has left.
 */
export async function prepareSpoolPath(deps: Deps, ref: BuildRef, kind: string): Promise<string> {
  await mkdir(deps.mediaDirectory, { recursive: true });
  const own = `${ref.uuid}.${kind}.`;
  for (const name of await readdir(deps.mediaDirectory)) {
    if (name.startsWith(own)) await rm(join(deps.mediaDirectory, name), { recursive: true, force: true });
  }
  return join(deps.mediaDirectory, `${own}${randomUUID()}.part`);
}

/** Fetches a medium to a path, from the first of its URLs that has it. */
export async function fetchMedium(deps: Deps, path: string, file: WantedMedium): Promise<Medium & { path: string }> {
  let missing: unknown;
  for (const url of file.urls) {
    try {
      const got = await fetchToFile({
        url,
        path,
        expected: file.digest,
        maxBytes: LARGEST[file.kind],
        signal: cancellationSignal(),
        access: deps.access,
        onProgress: (done: number, total?: number) => {
          reportProgress({
            message: `fetching ${redactUrl(url)}`,
            ...(total === undefined ? {} : { percent: Math.floor((done / total) * 100) }),
          });
        },
      });
      await cacheDigest(deps, url, {
        sha256: got.sha256,
        validators: { etag: got.etag, lastModified: got.lastModified, size: got.size },
      });
      return { sha256: got.sha256, url, path };
    } catch (error) {
      await rm(path, { force: true });
      const absent = error instanceof FactoryError && error.type === 'MediaUnavailable' && !error.retryable;
      if (!absent) throw error;
      missing ??= error;
    }
  }
  throw missing;
}

/** Deletes the fetched file of a medium, if there is one. */
export async function deleteSpooled(medium: Pick<Medium, 'path'>): Promise<void> {
  if (medium.path !== undefined) await rm(medium.path, { force: true });
}

function buildCacheName(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}

async function readCachedDigest(deps: Deps, url: string): Promise<CachedDigest | undefined> {
  try {
    return JSON.parse(await readFile(join(deps.mediaDirectory, `${buildCacheName(url)}.json`), 'utf8')) as CachedDigest;
  } catch {
    return undefined;
  }
}

async function cacheDigest(deps: Deps, url: string, memory: CachedDigest): Promise<void> {
  const path = join(deps.mediaDirectory, `${buildCacheName(url)}.json`);
  const written = `${path}.${randomUUID()}`;
  await writeFile(written, JSON.stringify(memory));
  await rename(written, path);
}
