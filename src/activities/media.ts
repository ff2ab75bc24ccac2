import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../build/errors.js';
import { KEYS, MARK, roleTag, TOOL, type BuildRef } from '../build/names.js';
import { fetchToFile } from '../media/fetch.js';
import { head, type Validators } from '../media/head.js';
import { fetchText } from '../media/text.js';
import { withoutSecrets } from '../media/urls.js';
import { mediaFromIndex, type IndexedMedia } from '../os/media-index.js';
import type { CreateImage } from '../openstack/types.js';
import type { BootMethod } from '../os/boot-method.js';
import type { MediaFile } from '../os/types.js';
import { type Deps, progress, signal } from './context.js';
import { installerPlanOf } from './documents.js';
import { ensureImage } from './ensure-image.js';
import { claimImage } from './shared-images.js';
import type { InstallerMedia, JeosStep } from './types.js';
import { parametersOf } from './user-data.js';

/** Bytes that a kernel or a ramdisk may have at the most: 4 GiB. */
const LARGEST_MEDIUM = 4 * 1024 ** 3;
const INDEX_LIMIT = 16 * 1024 * 1024;

export interface Digest {
  algorithm: 'sha256' | 'sha512';
  value: string;
}

/** Which formats Glance keeps a kernel and a ramdisk in: those that Nova boots, or bytes where it takes no others. */
function formatOf(role: MediaFile['role'], method: BootMethod | undefined): Pick<CreateImage, FormatKeys> {
  if (method === 'stub') return { disk_format: 'raw', container_format: 'bare' };
  const format = role === 'kernel' ? 'aki' : 'ari';
  return { disk_format: format, container_format: format };
}

type FormatKeys = 'disk_format' | 'container_format';

/** Finds or fetches the installer's kernel and ramdisk, and puts them into Glance; builds share them by digest. */
export async function prepareMedia(deps: Deps, input: JeosStep): Promise<InstallerMedia> {
  const plan = await installerPlanOf(deps, input.documents);
  const parameters = await parametersOf(deps, input.documents);
  const indexed: IndexedMedia = {};
  for (const index of plan.indexes) {
    const text = await fetchIndex(index.url);
    if (text !== undefined) Object.assign(indexed, mediaFromIndex(index, text, plan));
  }
  const { boot_method: method, kernel_checksum: kernelSum, ramdisk_checksum: ramdiskSum } = parameters;
  const kernel = await ensureMedium(deps, input, located(plan.kernel, indexed), { checksum: kernelSum, method });
  const ramdisk = await ensureMedium(deps, input, located(plan.ramdisk, indexed), { checksum: ramdiskSum, method });
  for (const { id } of [kernel, ramdisk]) await claimMedium(deps, input, id);
  return { kernelId: kernel.id, ramdiskId: ramdisk.id, notes: [kernel.note, ramdisk.note] };
}

async function claimMedium(deps: Deps, { ref }: JeosStep, id: string): Promise<void> {
  if (await claimImage(deps, ref.cloud, id, KEYS.media)) return;
  throw new FactoryError('Conflict', `the sweeper is just removing installer medium ${id}; it will be fetched anew`, {
    retryable: true,
    hint: 'imagefactory gc finishes a sweep that was interrupted',
  });
}

/** A tree's index is an offer, not a duty: without one the known paths are tried, and nothing is checked against it. */
async function fetchIndex(url: string): Promise<string | undefined> {
  try {
    return await fetchText(url, { maxBytes: INDEX_LIMIT, signal: signal() });
  } catch (error) {
    if (error instanceof FactoryError && !error.retryable) return undefined;
    throw error;
  }
}

interface Located {
  role: MediaFile['role'];
  urls: string[];
  digest?: { algorithm: string; value: string };
}

function located(file: MediaFile, indexed: IndexedMedia): Located {
  const known = indexed[file.role];
  if (known === undefined) return { role: file.role, urls: file.urls };
  return { role: file.role, urls: [...new Set([known.url, ...file.urls])], digest: known.digest };
}

/** `sha256:<hex>` or `sha512:<hex>`, as the parameters write it. */
export function parseDigest(text: string): Digest {
  const match = /^(sha256|sha512):([0-9a-f]+)$/i.exec(text.trim());
  const length = match?.[1]?.toLowerCase() === 'sha256' ? 64 : 128;
  if (match?.[1] === undefined || match[2]?.length !== length) {
    throw new FactoryError('InvalidParameter', `${JSON.stringify(text)} is not a digest`, {
      hint: 'write sha256:<64 hex digits> or sha512:<128 hex digits>',
    });
  }
  return { algorithm: match[1].toLowerCase() as Digest['algorithm'], value: match[2].toLowerCase() };
}

async function ensureMedium(
  deps: Deps,
  { ref }: JeosStep,
  file: Located,
  { checksum, method }: { checksum: string | undefined; method: BootMethod | undefined },
): Promise<{ id: string; note: string }> {
  const expected = checksum === undefined ? file.digest : parseDigest(checksum);
  const spool = await spoolOf(deps, ref, file);
  const found = await sha256Of(deps, spool, file, expected);
  const { image } = deps.clouds.get(ref.cloud);
  const format = formatOf(file.role, method);
  // The same bytes in another format are another image.
  const kind = format.disk_format === 'raw' ? `${file.role}-file` : file.role;
  const name = `imagefactory-${kind}-${found.sha256.slice(0, 12)}`;
  const properties = {
    [KEYS.tool]: TOOL,
    [KEYS.role]: 'media',
    [KEYS.creator]: deps.identity,
    [KEYS.media]: `sha256:${found.sha256}`,
  };
  const present = (
    await image.listImages({ name, properties: { [KEYS.media]: properties[KEYS.media] ?? '' } }, { signal: signal() })
  ).find((candidate) => candidate.status === 'active' && (candidate.size ?? 0) > 0);
  if (present !== undefined) {
    await forget(found);
    return { id: present.id, note: `${file.role} is image ${present.id} already` };
  }
  const spooled =
    found.path === undefined ? await fetchMedium(deps, spool, file, expected) : { ...found, path: found.path };
  const { size } = await stat(spooled.path);
  const id = await ensureImage(deps, ref.cloud, {
    seed: `media:${kind}:${spooled.sha256}`,
    request: {
      name,
      ...format,
      visibility: 'private',
      tags: [MARK, roleTag('media')],
      properties,
    },
    size,
    open: () => createReadStream(spooled.path),
  });
  await forget(spooled);
  return { id, note: `${file.role} fetched from ${withoutSecrets(spooled.url)}, ${size} bytes` };
}

interface Medium {
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
async function sha256Of(
  deps: Deps,
  spool: string,
  file: Located,
  expected: { algorithm: string; value: string } | undefined,
): Promise<Medium> {
  const first = file.urls[0] ?? '';
  if (expected?.algorithm === 'sha256') return { sha256: expected.value.toLowerCase(), url: first };
  for (const url of file.urls) {
    const memory = await readMemory(deps, url);
    if (memory === undefined || expected !== undefined) continue;
    const now = await head(url, { signal: signal() }).catch(() => undefined);
    signal().throwIfAborted();
    if (now !== undefined && isUnchanged(memory.validators, now)) return { sha256: memory.sha256, url };
  }
  return fetchMedium(deps, spool, file, expected);
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
async function spoolOf(deps: Deps, ref: BuildRef, { role }: Located): Promise<string> {
  await mkdir(deps.mediaDirectory, { recursive: true });
  const own = `${ref.uuid}.${role}.`;
  for (const name of await readdir(deps.mediaDirectory)) {
    if (name.startsWith(own)) await rm(join(deps.mediaDirectory, name), { force: true });
  }
  return join(deps.mediaDirectory, `${own}${randomUUID()}.part`);
}

async function fetchMedium(
  deps: Deps,
  path: string,
  file: Located,
  expected: { algorithm: string; value: string } | undefined,
): Promise<Medium & { path: string }> {
  let missing: unknown;
  for (const url of file.urls) {
    try {
      const got = await fetchToFile({
        url,
        path,
        expected,
        maxBytes: LARGEST_MEDIUM,
        signal: signal(),
        onProgress: (done: number, total?: number) => {
          progress({
            message: `fetching ${withoutSecrets(url)}`,
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

async function forget(medium: Medium): Promise<void> {
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
