import { join } from 'node:path';
import { KEYS, type BuildRef } from '../../domain/names.js';
import { fetchChecksum } from '../../media/checksum-files.js';
import { checkDigest, computeFileDigest } from '../../media/digest.js';
import { extractFromIso, readIsoInfo, noSuchFileOnIsoError } from '../../media/iso.js';
import { redactUrl } from '../../media/urls.js';
import type { Image } from '../../openstack/types.js';
import type { BootMethod } from '../../os/installer/boot-method.js';
import type { InstallMedium } from '../../os/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { loadParameters } from '../shared/documents.js';
import { downloadTo, inFolder } from './scratch-folder.js';
import { claimMedium, ensureMedium, parseDigest, putMedium, vouchedFor } from './medium.js';
import { imageNamed, isInGlance, nameInGlance } from './medium-in-glance.js';
import { ensureWebMedium } from './medium-web.js';
import { forget } from './medium-fetch.js';
import type { InstallerMedia, JeosStep } from '../shared/types.js';

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
  const { ref, documentsId } = input;
  const parameters = await loadParameters(deps, documentsId);
  const { boot_method: method, iso_checksum: checksum, checksum_key: keys, web_download: web } = parameters;
  const known = checksum === undefined ? await publishedDigest(deps, medium, keys) : parseDigest(checksum);
  const digest = vouchedFor(known, keys, 'the medium');
  const wanted = { ref, method, medium, digest, web };
  return inFolder(deps, ref, 'iso', async (folder) => {
    const found = await findIso(deps, wanted, folder);
    try {
      const needsParts = method !== 'iso' && medium.boots !== undefined;
      const parts = needsParts ? await ensureParts(deps, { ref, method, medium, folder, ...found }) : {};
      const { image, volumeId, note } = found;
      return { ...parts, isoId: image.id, volumeId, notes: [note] };
    } finally {
      await forget(found);
    }
  });
}

/** A medium that is to be found. */
interface WantedIso {
  ref: BuildRef;
  method: BootMethod | undefined;
  medium: InstallMedium;
  digest: { algorithm: string; value: string } | undefined;
  /** Whether Glance is to fetch it by itself. */
  web: boolean;
}

/** A medium that is in Glance. */
interface FoundIso {
  image: Image;
  volumeId: string;
  /** Whether the image is ours: then it may remember what its medium has. */
  own: boolean;
  note: string;
  /** Where it lies on this machine, if it has just been fetched. */
  path?: string;
}

/** Finds a medium, or fetches it. The caller forgets what lies at its path, and has a folder for it. */
export function findIso(deps: Deps, wanted: WantedIso, folder: string): Promise<FoundIso> {
  const source = isInGlance(wanted.medium.url) ? ofTheCloud : wanted.web ? fetchedByGlance : ofAnAddress;
  return source(deps, wanted, folder);
}

/** The medium of an address, shared by digest with other builds. */
async function ofAnAddress(deps: Deps, { ref, method, medium, digest }: WantedIso): Promise<FoundIso> {
  const found = await ensureMedium(
    deps,
    { ref, method, look: (file) => describe(file, medium) },
    { kind: 'iso', urls: [medium.url], ...(digest === undefined ? {} : { digest }) },
  );
  return { ...found, volumeId: String(found.image[VOLUME_ID_KEY] ?? ''), own: true };
}

/** A medium that Glance has fetched by itself. The worker reads it only where there is something to be taken out of it. */
async function fetchedByGlance(
  deps: Deps,
  { ref, method, medium, digest }: WantedIso,
  folder: string,
): Promise<FoundIso> {
  const wanted = { kind: 'iso' as const, urls: [medium.url], ...(digest === undefined ? {} : { digest }) };
  const found = await ensureWebMedium(deps, { ref, method }, wanted);
  if (medium.boots === undefined) return { ...found, volumeId: '', own: true };
  const path = await downloadTo(deps, ref, found.image.id, join(folder, 'web.iso'));
  return { ...found, volumeId: (await readIsoInfo(path, medium.url)).volumeId, own: true, path };
}

/** A medium that somebody has put into Glance: it is used as it is, and its image is left alone. */
async function ofTheCloud(deps: Deps, { ref, medium, digest }: WantedIso, folder: string): Promise<FoundIso> {
  const image = await imageNamed(deps, ref.cloud, nameInGlance(medium.url));
  const path = await downloadTo(deps, ref, image.id, join(folder, 'cloud.iso'));
  if (digest !== undefined) await checkDigest(path, `image ${image.id}`, digest, cancellationSignal());
  const { volumeId } = await readIsoInfo(path, medium.url);
  return { image, volumeId, own: false, path, note: `iso is image ${image.id}, which is not ours` };
}

/** What the template's checksum file says of it. */
async function publishedDigest(
  deps: Deps,
  { url, checksum }: InstallMedium,
  keys: string | undefined,
): Promise<{ algorithm: string; value: string } | undefined> {
  if (checksum === undefined) return undefined;
  reportProgress({ message: `reading ${redactUrl(checksum.url)}` });
  return fetchChecksum({ ...checksum, medium: url, keys, signal: cancellationSignal(), directories: deps.filesFrom });
}

async function describe(path: string, { url }: InstallMedium): Promise<Record<string, string>> {
  return { [VOLUME_ID_KEY]: (await readIsoInfo(path, url)).volumeId };
}

interface Parts extends Omit<WantedIso, 'digest' | 'web'>, FoundIso {
  folder: string;
}

/** Kernel and ramdisk of a medium, as images; the medium's image remembers which they are. */
async function ensureParts(deps: Deps, parts: Parts): Promise<Pick<InstallerMedia, 'kernelId' | 'ramdiskId'>> {
  const { ref, medium, image, folder } = parts;
  const known = await Promise.all([knownPart(deps, parts, 'kernel'), knownPart(deps, parts, 'ramdisk')]);
  if (known[0] !== undefined && known[1] !== undefined) return { kernelId: known[0], ramdiskId: known[1] };
  const path = parts.path ?? (await downloadTo(deps, ref, image.id, join(folder, 'medium.iso')));
  const { kernels = [], ramdisks = [] } = medium.boots ?? {};
  const kernelId = await putPart(deps, parts, 'kernel', { path, candidates: kernels });
  const ramdiskId = await putPart(deps, parts, 'ramdisk', { path, candidates: ramdisks });
  if (parts.own) await remember(deps, parts, { kernel: kernelId, ramdisk: ramdiskId });
  return { kernelId, ramdiskId };
}

/** Takes a part out of the medium and puts it into Glance. */
async function putPart(
  deps: Deps,
  { ref, method, folder }: Parts,
  kind: 'kernel' | 'ramdisk',
  { path, candidates }: { path: string; candidates: string[] },
): Promise<string> {
  const file = join(folder, kind);
  if ((await extractFromIso({ path, folder, signal: cancellationSignal() }, candidates, file)) === undefined) {
    throw noSuchFileOnIsoError(candidates);
  }
  const sha256 = await computeFileDigest(file, 'sha256', cancellationSignal());
  return (await putMedium(deps, { ref, method }, { kind, path: file, sha256 })).image.id;
}

async function remember(
  deps: Deps,
  { ref, method, image }: Parts,
  ids: Record<'kernel' | 'ramdisk', string>,
): Promise<void> {
  const changes = (['kernel', 'ramdisk'] as const).map((role) => ({
    op: 'add' as const,
    path: `/${partKey(role, method)}`,
    value: ids[role],
  }));
  await deps.clouds.get(ref.cloud).image.updateImage(image.id, changes, { signal: cancellationSignal() });
}

/** The image of a part, as far as it is still there. */
async function knownPart(
  deps: Deps,
  { ref, method, image, own }: Parts,
  role: 'kernel' | 'ramdisk',
): Promise<string | undefined> {
  const id = own ? image[partKey(role, method)] : undefined;
  if (typeof id !== 'string') return undefined;
  const part = await deps.clouds.get(ref.cloud).image.getImage(id, { signal: cancellationSignal() });
  if (part?.status !== 'active' || part[KEYS.media] === undefined) return undefined;
  await claimMedium(deps, ref.cloud, id);
  return id;
}
