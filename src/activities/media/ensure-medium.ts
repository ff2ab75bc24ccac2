import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { defined } from '../../domain/defined.js';
import { FactoryError } from '../../domain/errors.js';
import { KEYS, MARK, roleTag, TOOL, type BuildRef } from '../../domain/names.js';
import { redactUrl } from '../../media/urls.js';
import type { CreateImage, Image } from '../../openstack/types.js';
import type { BootMethod } from '../../os/installer/boot-method.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { ensureImage, type WantedImage } from '../images/ensure-image.js';
import {
  fetchMedium,
  deleteSpooled,
  identifyMedium,
  type MediumKind,
  prepareSpoolPath,
  type WantedMedium,
} from './fetch-medium.js';
import { listOwnImages } from '../images/own-image.js';
import { claimImage } from '../images/shared-images.js';
import { currentUploader } from '../images/uploader.js';

/**
 * Returns the digest that a medium must have; undefined when any digest is accepted.
 * @param keys the parameter `checksum_key`; when it is set, the medium must have a digest from a signed checksum file
 *   or a parameter
 * @throws FactoryError SignatureInvalid when `keys` is set and there is no digest
 */
export function requireTrustedDigest<T>(digest: T | undefined, keys: string | undefined, what: string): T | undefined {
  if (digest !== undefined || keys === undefined) return digest;
  throw new FactoryError('SignatureInvalid', `${what} has no checksum that is signed with the key in checksum_key`, {
    hint: 'name a checksum file in the template, give the digest as a parameter, or leave checksum_key out',
  });
}

/**
 * Chooses the formats of a medium's image. A kernel and a ramdisk get the formats that Nova boots, or are raw bytes
 * when they go into a stub disk. The format of a disk is known once the disk has been inspected.
 */
function chooseFormats({ kind, method, diskFormat = 'raw' }: MediumFormat): Pick<CreateImage, FormatKeys> {
  if (kind === 'iso') return { disk_format: 'iso', container_format: 'bare' };
  if (kind === 'disk') return { disk_format: diskFormat, container_format: 'bare' };
  if (method === 'stub') return { disk_format: 'raw', container_format: 'bare' };
  const format = kind === 'kernel' ? 'aki' : 'ari';
  return { disk_format: format, container_format: format };
}

type FormatKeys = 'disk_format' | 'container_format';

/** The facts that decide the format of a medium's image. */
interface MediumFormat {
  kind: MediumKind;
  method: BootMethod | undefined;
  /** Glance's name of a disk's format. Default `raw`. Other media ignore it. */
  diskFormat?: string;
}

/** A medium in a file of this worker. */
export interface LocalMedium {
  kind: MediumKind;
  path: string;
  /** The file's SHA-256 digest in hexadecimal. */
  sha256: string;
  /** What the inspection of the file has found. */
  inspected?: InspectedMedium;
}

/** What an inspection finds in the file of a medium. */
interface InspectedMedium {
  /** Additional properties of the medium's image. */
  properties?: Record<string, string>;
  /** Glance's name of a disk's format. Unset for other media. */
  diskFormat?: string;
  /** GiB that a disk needs. Unset for other media. */
  minDisk?: number;
}

/** The build and the boot method for which a medium is used. */
export interface MediumUse {
  ref: BuildRef;
  method: BootMethod | undefined;
  /** Reads the fetched file before its upload. Throws when the file must not be uploaded. */
  inspect?: (path: string) => Promise<InspectedMedium>;
}

/**
 * Finds a medium in Glance by its digest, or fetches and uploads it. The caller deletes the file at the `path` of the
 * result.
 */
export async function ensureMedium(
  deps: Deps,
  { ref, method, inspect }: MediumUse,
  wanted: WantedMedium,
): Promise<{ image: Image; note: string; path?: string }> {
  const { kind } = wanted;
  const spool = await prepareSpoolPath(deps, ref, kind);
  const found = await identifyMedium(deps, spool, wanted);
  const present = await findMedium(deps, ref.cloud, { kind, method, key: buildDigestKey(found.sha256) });
  if (present !== undefined) {
    await claimMedium(deps, ref.cloud, present.id);
    const note = `${kind} exists already as image ${present.id}`;
    return { image: present, note, ...(found.path === undefined ? {} : { path: found.path }) };
  }
  const local = found.path === undefined ? await fetchMedium(deps, spool, wanted) : { ...found, path: found.path };
  try {
    const inspected = await inspect?.(local.path);
    const medium = { kind, ...local, ...(inspected === undefined ? {} : { inspected }) };
    const { image, size } = await uploadMedium(deps, { ref, method }, medium);
    return { image, note: `${kind} fetched from ${redactUrl(local.url)}, ${size} bytes`, path: local.path };
  } catch (error) {
    await deleteSpooled(local);
    throw error;
  }
}

/** The facts by which we find the image of a medium. */
interface MediumKey extends MediumFormat {
  /** `sha256:` and the digest of the medium's bytes, or `web:` and the digest of its URL and validators. */
  key: string;
}

function buildDigestKey(sha256: string): string {
  return `sha256:${sha256}`;
}

/**
 * Returns a name for the kind and the format of a medium, because the same bytes in another format need another image.
 */
function buildKindName({ kind, method }: MediumFormat): string {
  return kind !== 'disk' && chooseFormats({ kind, method }).disk_format === 'raw' ? `${kind}-file` : kind;
}

function buildImageName({ key, ...what }: MediumKey): string {
  return `imagefactory-${buildKindName(what)}-${key.replace(/^.*:/, '').slice(0, 12)}`;
}

export async function findMedium(deps: Deps, cloud: string, medium: MediumKey): Promise<Image | undefined> {
  const query = { name: buildImageName(medium), properties: { [KEYS.media]: medium.key } };
  const images = await listOwnImages(deps, cloud, query, { signal: cancellationSignal() });
  return images.find(({ status, size }) => status === 'active' && (size ?? 0) > 0);
}

/** Builds the seed and the create request of a medium's image. */
export function buildMediumRequest(
  deps: Deps,
  { kind, method, key, diskFormat }: MediumKey,
  properties: Record<string, string> = {},
  minDisk?: number,
): Pick<WantedImage, 'seed' | 'request'> {
  return {
    seed: `media:${buildKindName({ kind, method })}:${key.replace(/^sha256:/, '')}`,
    request: {
      name: buildImageName({ kind, method, key }),
      ...chooseFormats({ kind, method, ...defined({ diskFormat }) }),
      visibility: 'private',
      ...(minDisk === undefined ? {} : { min_disk: minDisk }),
      tags: [MARK, roleTag('media')],
      properties: {
        ...properties,
        [KEYS.tool]: TOOL,
        [KEYS.role]: 'media',
        [KEYS.creator]: deps.identity,
        [KEYS.media]: key,
      },
    },
  };
}

/**
 * Uploads a medium to Glance, if it is not there yet, and claims it, so that the sweeper keeps it. Returns its image.
 */
export async function uploadMedium(
  deps: Deps,
  { ref, method }: Pick<MediumUse, 'ref' | 'method'>,
  { kind, path, sha256, inspected: { properties, diskFormat, minDisk } = {} }: LocalMedium,
): Promise<{ image: Image; size: number }> {
  const { size } = await stat(path);
  const id = await ensureImage(deps, ref.cloud, {
    ...buildMediumRequest(
      deps,
      { kind, method, key: buildDigestKey(sha256), ...defined({ diskFormat }) },
      { ...properties, [KEYS.uploader]: currentUploader() },
      minDisk,
    ),
    content: { size, open: () => createReadStream(path) },
  });
  await claimMedium(deps, ref.cloud, id);
  return { image: await getMediumImage(deps, ref.cloud, id), size };
}

/** Reads the image of a medium. @throws FactoryError Conflict, retryable, when the image no longer exists */
export async function getMediumImage(deps: Deps, cloud: string, id: string): Promise<Image> {
  const image = await deps.clouds.get(cloud).image.getImage(id, { signal: cancellationSignal() });
  if (image === undefined) throw sweeperConflictError(id);
  return image;
}

/** Claims a medium for a build. @throws FactoryError Conflict, retryable, while the sweeper removes the medium */
export async function claimMedium(deps: Deps, cloud: string, id: string): Promise<void> {
  if (!(await claimImage(deps, cloud, id, KEYS.media))) throw sweeperConflictError(id);
}

function sweeperConflictError(id: string): FactoryError {
  return new FactoryError(
    'Conflict',
    `the sweeper is removing installer medium ${id} now; the next try fetches the medium again`,
    {
      retryable: true,
      hint: 'imagefactory gc finishes a sweep that was interrupted',
    },
  );
}
