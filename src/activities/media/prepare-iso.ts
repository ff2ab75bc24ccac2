import { join } from 'node:path';
import { KEYS, type BuildRef } from '../../domain/names.js';
import { fetchChecksum } from '../../media/published-checksums.js';
import { parseDigest } from '../../domain/digest.js';
import { isGlanceUrl, parseGlanceName } from '../../domain/image-source.js';
import { checkDigest, computeFileDigest } from '../../media/verify-checksum.js';
import { extractFromIso, readIsoInfo, noSuchFileOnIsoError } from '../../media/iso.js';
import { redactUrl } from '../../media/urls.js';
import type { Image } from '../../openstack/types.js';
import type { BootMethod } from '../../os/installer/boot-method.js';
import type { InstallMedium } from '../../os/installer/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import type { BuildDocuments } from '../shared/build-documents.js';
import { withScratchFolder } from './scratch-folder.js';
import { downloadImage } from '../images/download-image.js';
import { claimMedium, ensureMedium, uploadMedium, requireTrustedDigest } from './ensure-medium.js';
import { getOwnImage } from '../images/own-image.js';
import { findIsoImage } from './find-iso-image.js';
import { ensureWebMedium } from './web-download.js';
import { listMediumDigest } from './medium-digest.js';
import { deleteSpooled } from './fetch-medium.js';
import type { InstallerMedia } from './installer-media.js';

/** Name of the image property with the ISO's volume id. */
const VOLUME_ID_KEY = 'imagefactory_volume_id';

/**
 * Builds the name of the image property in which a medium's image records the id of its kernel image or its ramdisk
 * image. Boot method `stub` has its own properties, because it needs the same files in images of another format.
 */
function buildBootFileKey(role: 'kernel' | 'ramdisk', method: BootMethod | undefined): string {
  return `imagefactory_${role}${method === 'stub' ? '_file' : ''}`;
}

/**
 * Finds the install medium in Glance, or fetches it and uploads it unchanged. Does the same with the medium's kernel
 * and ramdisk, unless the machine boots from the medium itself.
 */
export async function prepareIso(
  deps: Deps,
  ref: BuildRef,
  build: BuildDocuments,
  medium: InstallMedium,
): Promise<InstallerMedia> {
  const parameters = await build.parameters();
  const { boot_method: method, iso_checksum: checksum, checksum_key: keys, web_download: web } = parameters;
  const known = checksum === undefined ? await fetchPublishedDigest(deps, medium, keys) : parseDigest(checksum);
  const digest = requireTrustedDigest(known, keys, 'the medium');
  const wanted = { ref, method, medium, digest, web };
  return withScratchFolder(deps, ref, 'iso', async (folder) => {
    const found = await findIso(deps, wanted, folder);
    try {
      const needsParts = method !== 'iso' && medium.boots !== undefined;
      const parts = needsParts ? await ensureBootFiles(deps, { ref, method, medium, folder, ...found }) : {};
      const { image, volumeId, note } = found;
      return { ...parts, isoId: image.id, volumeId, digests: listMediumDigest('iso', image), notes: [note] };
    } finally {
      await deleteSpooled(found);
    }
  });
}

/** The install medium to find. */
interface WantedIso {
  ref: BuildRef;
  method: BootMethod | undefined;
  medium: InstallMedium;
  digest: { algorithm: string; value: string } | undefined;
  /** Whether Glance itself fetches the medium (parameter `web_download`). */
  web: boolean;
}

/** An install medium in Glance. */
interface FoundIso {
  image: Image;
  volumeId: string;
  /**
   * Whether imagefactory has created the image. Only then do we record the medium's boot files in the properties of the
   * image.
   */
  own: boolean;
  note: string;
  /** Path of the medium on this worker. Unset when the worker has not downloaded it. */
  path?: string;
}

/**
 * Finds a medium, or fetches it. The caller provides a folder for temporary files, and deletes the file at the `path`
 * of the result.
 */
export function findIso(deps: Deps, wanted: WantedIso, folder: string): Promise<FoundIso> {
  const source = isGlanceUrl(wanted.medium.url) ? useCloudImage : wanted.web ? importIso : fetchIso;
  return source(deps, wanted, folder);
}

/**
 * Finds the medium of a URL in Glance, or fetches and uploads it. Builds whose media have the same digest share one
 * image.
 */
async function fetchIso(deps: Deps, { ref, method, medium, digest }: WantedIso): Promise<FoundIso> {
  const found = await ensureMedium(
    deps,
    { ref, method, inspect: async (file) => ({ properties: await readProperties(file, medium) }) },
    { kind: 'iso', urls: [medium.url], ...(digest === undefined ? {} : { digest }) },
  );
  return { ...found, volumeId: String(found.image[VOLUME_ID_KEY] ?? ''), own: true };
}

/**
 * Makes Glance fetch the medium. The worker downloads the medium from Glance only when it must extract files from it.
 */
async function importIso(deps: Deps, { ref, method, medium, digest }: WantedIso, folder: string): Promise<FoundIso> {
  const wanted = { kind: 'iso' as const, urls: [medium.url], ...(digest === undefined ? {} : { digest }) };
  const found = await ensureWebMedium(deps, { ref, method }, wanted);
  if (medium.boots === undefined) return { ...found, volumeId: '', own: true };
  const path = await downloadImage(deps, ref.cloud, found.image.id, join(folder, 'web.iso'));
  return { ...found, volumeId: (await readIsoInfo(path, medium.url)).volumeId, own: true, path };
}

/** Finds a medium that a user has put into Glance, and never changes its image. */
async function useCloudImage(deps: Deps, { ref, medium, digest }: WantedIso, folder: string): Promise<FoundIso> {
  const image = await findIsoImage(deps, ref.cloud, parseGlanceName(medium.url));
  const path = await downloadImage(deps, ref.cloud, image.id, join(folder, 'cloud.iso'));
  if (digest !== undefined) await checkDigest(path, `image ${image.id}`, digest, cancellationSignal());
  const { volumeId } = await readIsoInfo(path, medium.url);
  return { image, volumeId, own: false, path, note: `iso is image ${image.id}, which the template names` };
}

/** Reads the medium's digest from the checksum file that the template names; returns undefined when it names none. */
async function fetchPublishedDigest(
  deps: Deps,
  { url, checksum }: InstallMedium,
  keys: string | undefined,
): Promise<{ algorithm: string; value: string } | undefined> {
  if (checksum === undefined) return undefined;
  reportProgress({ message: `reading ${redactUrl(checksum.url)}` });
  return fetchChecksum({ ...checksum, medium: url, keys, signal: cancellationSignal(), access: deps.access });
}

async function readProperties(path: string, { url }: InstallMedium): Promise<Record<string, string>> {
  return { [VOLUME_ID_KEY]: (await readIsoInfo(path, url)).volumeId };
}

interface BootFiles extends Omit<WantedIso, 'digest' | 'web'>, FoundIso {
  folder: string;
}

/**
 * Returns the images of a medium's kernel and ramdisk, and creates them if they do not exist. The properties of the
 * medium's image record their ids.
 */
async function ensureBootFiles(deps: Deps, parts: BootFiles): Promise<Pick<InstallerMedia, 'kernelId' | 'ramdiskId'>> {
  const { ref, medium, image, folder } = parts;
  const known = await Promise.all([findBootFile(deps, parts, 'kernel'), findBootFile(deps, parts, 'ramdisk')]);
  if (known[0] !== undefined && known[1] !== undefined) return { kernelId: known[0], ramdiskId: known[1] };
  const path = parts.path ?? (await downloadImage(deps, ref.cloud, image.id, join(folder, 'medium.iso')));
  const { kernels = [], ramdisks = [] } = medium.boots ?? {};
  const kernelId = await uploadBootFile(deps, parts, 'kernel', { path, candidates: kernels });
  const ramdiskId = await uploadBootFile(deps, parts, 'ramdisk', { path, candidates: ramdisks });
  if (parts.own) await recordBootFiles(deps, parts, { kernel: kernelId, ramdisk: ramdiskId });
  return { kernelId, ramdiskId };
}

/** Extracts the kernel or the ramdisk from the medium, and uploads it. */
async function uploadBootFile(
  deps: Deps,
  { ref, method, folder }: BootFiles,
  kind: 'kernel' | 'ramdisk',
  { path, candidates }: { path: string; candidates: string[] },
): Promise<string> {
  const file = join(folder, kind);
  if ((await extractFromIso({ path, folder, signal: cancellationSignal() }, candidates, file)) === undefined) {
    throw noSuchFileOnIsoError(candidates);
  }
  const sha256 = await computeFileDigest(file, 'sha256', cancellationSignal());
  return (await uploadMedium(deps, { ref, method }, { kind, path: file, sha256 })).image.id;
}

async function recordBootFiles(
  deps: Deps,
  { ref, method, image }: BootFiles,
  ids: Record<'kernel' | 'ramdisk', string>,
): Promise<void> {
  const changes = (['kernel', 'ramdisk'] as const).map((role) => ({
    op: 'add' as const,
    path: `/${buildBootFileKey(role, method)}`,
    value: ids[role],
  }));
  await deps.clouds.get(ref.cloud).image.updateImage(image.id, changes, { signal: cancellationSignal() });
}

/**
 * Returns the id of the image that the medium's image records for the kernel or the ramdisk, if that image still
 * exists.
 */
async function findBootFile(
  deps: Deps,
  { ref, method, image, own }: BootFiles,
  role: 'kernel' | 'ramdisk',
): Promise<string | undefined> {
  const id = own ? image[buildBootFileKey(role, method)] : undefined;
  if (typeof id !== 'string') return undefined;
  const part = await getOwnImage(deps, ref.cloud, id, { signal: cancellationSignal() });
  if (part?.status !== 'active' || part[KEYS.media] === undefined) return undefined;
  await claimMedium(deps, ref.cloud, id);
  return id;
}
