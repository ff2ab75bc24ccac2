import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { KEYS, MARK, roleTag, TOOL, type BuildRef } from '../../domain/names.js';
import { redactUrl } from '../../media/urls.js';
import type { CreateImage, Image } from '../../openstack/types.js';
import type { BootMethod } from '../../os/installer/boot-method.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { ensureImage, type WantedImage } from '../images/ensure-image.js';
import { fetchMedium, forget, locate, type MediumKind, spoolOf, type WantedMedium } from './medium-fetch.js';
import { claimImage } from '../images/shared-images.js';
import { uploaderHere } from '../images/uploader.js';

export interface Digest {
  algorithm: 'sha256' | 'sha512';
  value: string;
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

/**
 * The digest that a medium must have.
 *
 * @param keys the parameter checksum_key: whoever gives it boots nothing that no signed checksum vouches for
 * @throws FactoryError SignatureInvalid
 */
export function vouchedFor<T>(digest: T | undefined, keys: string | undefined, what: string): T | undefined {
  if (digest !== undefined || keys === undefined) return digest;
  throw new FactoryError('SignatureInvalid', `no checksum that is signed by checksum_key vouches for ${what}`, {
    hint: 'name a checksum file in the template, give the digest as a parameter, or leave checksum_key out',
  });
}

/** Which formats Glance keeps a medium in: for kernel and ramdisk those that Nova boots, or bytes where it takes no others. */
function formatOf(kind: MediumKind, method: BootMethod | undefined): Pick<CreateImage, FormatKeys> {
  if (kind === 'iso') return { disk_format: 'iso', container_format: 'bare' };
  if (method === 'stub') return { disk_format: 'raw', container_format: 'bare' };
  const format = kind === 'kernel' ? 'aki' : 'ari';
  return { disk_format: format, container_format: format };
}

type FormatKeys = 'disk_format' | 'container_format';

/** A medium on this machine. */
export interface LocalMedium {
  kind: MediumKind;
  path: string;
  /** Hexadecimal. */
  sha256: string;
  /** Properties that its image is to have besides. */
  properties?: Record<string, string>;
}

/** How a medium is wanted in Glance. */
export interface MediumUse {
  ref: BuildRef;
  method: BootMethod | undefined;
  /** Looks at the bytes before they go to Glance; answers properties that the image is to have besides. */
  look?: (path: string) => Promise<Record<string, string>>;
}

/** Finds a medium in Glance by its digest, or fetches it and puts it there. The caller forgets what lies at `path`. */
export async function ensureMedium(
  deps: Deps,
  { ref, method, look }: MediumUse,
  wanted: WantedMedium,
): Promise<{ image: Image; note: string; path?: string }> {
  const { kind } = wanted;
  const spool = await spoolOf(deps, ref, kind);
  const found = await locate(deps, spool, wanted);
  const present = await findMedium(deps, ref.cloud, { kind, method, key: keyOf(found.sha256) });
  if (present !== undefined) {
    await claimMedium(deps, ref.cloud, present.id);
    const note = `${kind} is image ${present.id} already`;
    return { image: present, note, ...(found.path === undefined ? {} : { path: found.path }) };
  }
  const local = found.path === undefined ? await fetchMedium(deps, spool, wanted) : { ...found, path: found.path };
  try {
    const properties = await look?.(local.path);
    const medium = { kind, ...local, ...(properties === undefined ? {} : { properties }) };
    const { image, size } = await putMedium(deps, { ref, method }, medium);
    return { image, note: `${kind} fetched from ${redactUrl(local.url)}, ${size} bytes`, path: local.path };
  } catch (error) {
    await forget(local);
    throw error;
  }
}

/** What a medium's image is found by. */
interface MediumKey {
  kind: MediumKind;
  method: BootMethod | undefined;
  /** `sha256:` and the digest of its bytes, or `web:` and that of its address. */
  key: string;
}

function keyOf(sha256: string): string {
  return `sha256:${sha256}`;
}

/** The same bytes in another format are another image. */
function kindOf({ kind, method }: Omit<MediumKey, 'key'>): string {
  return formatOf(kind, method).disk_format === 'raw' ? `${kind}-file` : kind;
}

function nameOf({ key, ...what }: MediumKey): string {
  return `imagefactory-${kindOf(what)}-${key.replace(/^.*:/, '').slice(0, 12)}`;
}

export async function findMedium(deps: Deps, cloud: string, medium: MediumKey): Promise<Image | undefined> {
  const query = { name: nameOf(medium), properties: { [KEYS.media]: medium.key } };
  const images = await deps.clouds.get(cloud).image.listImages(query, { signal: cancellationSignal() });
  return images.find(({ status, size }) => status === 'active' && (size ?? 0) > 0);
}

/** The image that a medium is to be. */
export function mediumRequest(
  deps: Deps,
  { kind, method, key }: MediumKey,
  properties: Record<string, string> = {},
): Pick<WantedImage, 'seed' | 'request'> {
  return {
    seed: `media:${kindOf({ kind, method })}:${key.replace(/^sha256:/, '')}`,
    request: {
      name: nameOf({ kind, method, key }),
      ...formatOf(kind, method),
      visibility: 'private',
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

/** Puts a medium of this machine into Glance, unless it is there. Answers its image, which the sweeper leaves alone from now on. */
export async function putMedium(
  deps: Deps,
  { ref, method }: Pick<MediumUse, 'ref' | 'method'>,
  { kind, path, sha256, properties }: LocalMedium,
): Promise<{ image: Image; size: number }> {
  const { size } = await stat(path);
  const id = await ensureImage(deps, ref.cloud, {
    ...mediumRequest(deps, { kind, method, key: keyOf(sha256) }, { ...properties, [KEYS.uploader]: uploaderHere() }),
    content: { size, open: () => createReadStream(path) },
  });
  await claimMedium(deps, ref.cloud, id);
  return { image: await usedImage(deps, ref.cloud, id), size };
}

/** The image of a medium that is there. */
export async function usedImage(deps: Deps, cloud: string, id: string): Promise<Image> {
  const image = await deps.clouds.get(cloud).image.getImage(id, { signal: cancellationSignal() });
  if (image === undefined) throw beingRemoved(id);
  return image;
}

/** Notes that a build has chosen a medium. */
export async function claimMedium(deps: Deps, cloud: string, id: string): Promise<void> {
  if (!(await claimImage(deps, cloud, id, KEYS.media))) throw beingRemoved(id);
}

function beingRemoved(id: string): FactoryError {
  return new FactoryError('Conflict', `the sweeper is just removing installer medium ${id}; it will be fetched anew`, {
    retryable: true,
    hint: 'imagefactory gc finishes a sweep that was interrupted',
  });
}
