import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { fetchToFile } from '../../media/fetch.js';
import { fetchValidators, type Validators } from '../../media/head.js';
import { redactUrl } from '../../media/urls.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/** Bytes that a medium may have: 4 GiB for a kernel or a ramdisk, 16 GiB for a medium that systems are installed from. */
const LARGEST: Record<MediumKind, number> = { kernel: 4 * 1024 ** 3, ramdisk: 4 * 1024 ** 3, iso: 16 * 1024 ** 3 };

/** What an installer is booted with. */
export type MediumKind = 'kernel' | 'ramdisk' | 'iso';

/** A medium that is to be found or fetched. */
export interface WantedMedium {
  kind: MediumKind;
  /** Where it may lie, best first. */
  urls: string[];
  /** Which it must be, where that is known. */
  digest?: { algorithm: string; value: string };
}

/** A medium as it lies at an address. */
export interface Medium {
  /** Hexadecimal. */
  sha256: string;
  url: string;
  /** Where it is spooled, unless it did not have to be fetched. */
  path?: string;
}

/** What we remember of an address: its validators, and the digest that its bytes had. */
interface Remembered {
  validators: Validators;
  sha256: string;
}

/** The medium's digest: from the tree, from memory if the address has not changed since, or from its bytes. */
export async function locate(deps: Deps, spool: string, file: WantedMedium): Promise<Medium> {
  const expected = file.digest;
  const first = file.urls[0] ?? '';
  if (expected?.algorithm === 'sha256') return { sha256: expected.value.toLowerCase(), url: first };
  for (const url of file.urls) {
    const memory = await readMemory(deps, url);
    if (memory === undefined || expected !== undefined) continue;
    const now = await fetchValidators(url, { signal: cancellationSignal(), directories: deps.filesFrom }).catch(
      () => undefined,
    );
    cancellationSignal().throwIfAborted();
    if (now !== undefined && isUnchanged(memory.validators, now)) return { sha256: memory.sha256, url };
  }
  return fetchMedium(deps, spool, file);
}

/** Unchanged is what has the same strong mark: an ETag, or both its time and its length. */
function isUnchanged(then: Validators, now: Validators): boolean {
  if (then.etag !== undefined || now.etag !== undefined) return then.etag === now.etag;
  return then.lastModified !== undefined && then.lastModified === now.lastModified && then.size === now.size;
}

/**
 * Where this try puts the medium: a place of its own, since other runs may be fetching the same one at the same time. What
 * an earlier try has left there is removed.
 */
export async function spoolOf(deps: Deps, ref: BuildRef, kind: string): Promise<string> {
  await mkdir(deps.mediaDirectory, { recursive: true });
  const own = `${ref.uuid}.${kind}.`;
  for (const name of await readdir(deps.mediaDirectory)) {
    if (name.startsWith(own)) await rm(join(deps.mediaDirectory, name), { recursive: true, force: true });
  }
  return join(deps.mediaDirectory, `${own}${randomUUID()}.part`);
}

/** Fetches a medium to a path from the first of its addresses that has it. */
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
        directories: deps.filesFrom,
        onProgress: (done: number, total?: number) => {
          reportProgress({
            message: `fetching ${redactUrl(url)}`,
            ...(total === undefined ? {} : { percent: Math.floor((done / total) * 100) }),
          });
        },
      });
      await remember(deps, url, {
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

/** Removes what was spooled. */
export async function forget(medium: Pick<Medium, 'path'>): Promise<void> {
  if (medium.path !== undefined) await rm(medium.path, { force: true });
}

function nameOf(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}

async function readMemory(deps: Deps, url: string): Promise<Remembered | undefined> {
  try {
    return JSON.parse(await readFile(join(deps.mediaDirectory, `${nameOf(url)}.json`), 'utf8')) as Remembered;
  } catch {
    return undefined;
  }
}

async function remember(deps: Deps, url: string, memory: Remembered): Promise<void> {
  const path = join(deps.mediaDirectory, `${nameOf(url)}.json`);
  const written = `${path}.${randomUUID()}`;
  await writeFile(written, JSON.stringify(memory));
  await rename(written, path);
}
