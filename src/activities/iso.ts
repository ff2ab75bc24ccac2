import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KEYS, type BuildRef } from '../build/names.js';
import { fetchChecksum } from '../media/checksum-files.js';
import { sha256OfFile } from '../media/digest.js';
import { extractFromIso, isoInfo, withoutFile } from '../media/iso.js';
import { withoutSecrets } from '../media/urls.js';
import type { Image } from '../openstack/types.js';
import type { BootMethod } from '../os/boot-method.js';
import type { InstallMedium } from '../os/types.js';
import { type Deps, progress, signal } from './context.js';
import { parametersOf } from './documents.js';
import { downloadTo, inFolder } from './boot-folder.js';
import { claimMedium, ensureMedium, parseDigest, putMedium } from './medium.js';
import { forget } from './medium-fetch.js';
import type { InstallerMedia, JeosStep } from './types.js';

/** What an image of a medium says of itself. */
const VOLUME_ID_KEY = 'imagefactory_volume_id';

/** Which images have the kernel and the ramdisk of a medium, as properties of its own image; those of `stub` are others. */
function partKey(role: 'kernel' | 'ramdisk', method: BootMethod | undefined): string {
  return `imagefactory_${role}${method === 'stub' ? '_file' : ''}`;
}

/**
 * Finds or fetches the medium that a system is installed from, and puts it into Glance as it is; its kernel and its ramdisk as well, where
 * something else than the medium starts them.
 */
export async function prepareIso(deps: Deps, input: JeosStep, medium: InstallMedium): Promise<InstallerMedia> {
  const { ref, documents } = input;
  const { boot_method: method, iso_checksum: checksum } = await parametersOf(deps, documents);
  const digest = checksum === undefined ? await publishedDigest(deps, medium) : parseDigest(checksum);
  const { image, note, path } = await ensureMedium(
    deps,
    { ref, method, look: (file) => describe(file, medium) },
    { kind: 'iso', urls: [medium.url], ...(digest === undefined ? {} : { digest }) },
  );
  try {
    const volumeId = String(image[VOLUME_ID_KEY] ?? '');
    const parts =
      method === 'iso' || medium.boots === undefined
        ? {}
        : await ensureParts(deps, { ref, method, medium, image, path });
    return { ...parts, isoId: image.id, volumeId, notes: [note] };
  } finally {
    await forget(path === undefined ? {} : { path });
  }
}

/** What the template's checksum file says of it. */
async function publishedDigest(
  deps: Deps,
  { url, checksum }: InstallMedium,
): Promise<{ algorithm: string; value: string } | undefined> {
  if (checksum === undefined) return undefined;
  progress({ message: `reading ${withoutSecrets(checksum.url)}` });
  const name = basename(new URL(url).pathname);
  return fetchChecksum({ ...checksum, name, signal: signal(), directories: deps.filesFrom });
}

async function describe(path: string, { url }: InstallMedium): Promise<Record<string, string>> {
  return { [VOLUME_ID_KEY]: (await isoInfo(path, url)).volumeId };
}

interface Parts {
  ref: BuildRef;
  method: BootMethod | undefined;
  medium: InstallMedium;
  image: Image;
  /** Where the medium lies on this machine, if it has just been fetched. */
  path: string | undefined;
}

/** Kernel and ramdisk of a medium, as images; the medium's image remembers which they are. */
async function ensureParts(deps: Deps, parts: Parts): Promise<Pick<InstallerMedia, 'kernelId' | 'ramdiskId'>> {
  const { ref, method, medium, image } = parts;
  const known = await Promise.all([knownPart(deps, parts, 'kernel'), knownPart(deps, parts, 'ramdisk')]);
  if (known[0] !== undefined && known[1] !== undefined) return { kernelId: known[0], ramdiskId: known[1] };
  return inFolder(deps, ref, 'iso', async (folder) => {
    const path = parts.path ?? (await downloadTo(deps, ref, image.id, join(folder, 'medium.iso')));
    const { kernels = [], ramdisks = [] } = medium.boots ?? {};
    const ids: Partial<Record<'kernel' | 'ramdisk', string>> = {};
    for (const [kind, candidates] of [
      ['kernel', kernels],
      ['ramdisk', ramdisks],
    ] as const) {
      // prettier-ignore
      const file = join(folder, kind);
      const iso = { path, folder, signal: signal() };
      if ((await extractFromIso(iso, candidates, file)) === undefined) throw withoutFile(candidates);
      const sha256 = await sha256OfFile(file, signal());
      ids[kind] = (await putMedium(deps, { ref, method }, { kind, path: file, sha256 })).image.id;
      await rm(file);
    }
    const remembered = Object.entries(ids).map(([role, id]) => ({
      op: 'add' as const,
      path: `/${partKey(role as 'kernel' | 'ramdisk', method)}`,
      value: id,
    }));
    await deps.clouds.get(ref.cloud).image.updateImage(image.id, remembered, { signal: signal() });
    return { kernelId: ids.kernel, ramdiskId: ids.ramdisk };
  });
}

/** The image of a part, as far as it is still there. */
async function knownPart(
  deps: Deps,
  { ref, method, image }: Parts,
  role: 'kernel' | 'ramdisk',
): Promise<string | undefined> {
  const id = image[partKey(role, method)];
  if (typeof id !== 'string') return undefined;
  const part = await deps.clouds.get(ref.cloud).image.getImage(id, { signal: signal() });
  if (part?.status !== 'active' || part[KEYS.media] === undefined) return undefined;
  await claimMedium(deps, ref.cloud, id);
  return id;
}
