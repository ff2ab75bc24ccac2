import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import { redactUrl } from '../../media/urls.js';
import type { CreateImage, Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { isUploadedElsewhere } from './uploader.js';

/** An image whose id is ours to choose. */
export interface WantedImage {
  /** What makes it this image and no other: its id is derived from it. */
  seed: string;
  request: CreateImage;
  content: UploadedContent | { uri: string };
}

/** What we upload. */
export interface UploadedContent {
  /** Bytes; absent where they are known only when the last one has come. */
  size?: number;
  /** Opens it anew for every try. */
  open: () => Readable;
}

/** How many times an id may have been used up by a deleted image before we give up. */
const GENERATIONS = 50;
/**
 * Milliseconds that an upload of the same image is waited for, by whom it may be, before it is asked whether he lives. One of an earlier
 * try of ours is taken for dead then, and one that names nobody.
 */
const STALE_UPLOAD = 120_000;

/** A UUID (version 8, RFC 9562) derived from a text: the same on every worker and at every try. */
export function deriveUuid(text: string): string {
  const bytes = createHash('sha256').update(`imagefactory-nova:${text}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function isConflict(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'Conflict';
}

/**
 * Makes sure that an image with this content is there and active, and answers its id. We choose the id ourselves, so a
 * create call whose reply was lost cannot make a second one: the next try gets 409 and finds it. Glance never gives the
 * id of a deleted image out again; then the next generation of the id is taken.
 */
export async function ensureImage(deps: Deps, cloudName: string, wanted: WantedImage): Promise<string> {
  const cloud = deps.clouds.get(cloudName);
  const project = await cloud.getProjectId({ signal: cancellationSignal() });
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const id = deriveUuid(`${project}:${wanted.seed}:${generation}`);
    const image =
      (await cloud.image.getImage(id, { signal: cancellationSignal() })) ?? (await create(deps, cloudName, id, wanted));
    if (image === undefined) continue;
    if (await filled(deps, cloudName, image, wanted)) return id;
  }
  throw new FactoryError('ImageFailed', `Glance refuses every id for image ${wanted.request.name}`);
}

/** The new image, or undefined when a deleted one has used the id up. */
async function create(deps: Deps, cloudName: string, id: string, wanted: WantedImage): Promise<Image | undefined> {
  const { image } = deps.clouds.get(cloudName);
  try {
    return await image.createImage({ id, ...wanted.request }, { signal: cancellationSignal() });
  } catch (error) {
    if (!isConflict(error)) throw error;
    return image.getImage(id, { signal: cancellationSignal() });
  }
}

/** Fills the image, or waits for whoever is filling it. False when it is dead and was removed. */
async function filled(deps: Deps, cloudName: string, first: Image, wanted: WantedImage): Promise<boolean> {
  const images = deps.clouds.get(cloudName).image;
  const { id } = first;
  let image: Image | undefined = first;
  let waitedSince = Date.now();
  while (image !== undefined) {
    if (image.status === 'active' && image.size !== null && image.size > 0) return true;
    const isPatient = Date.now() - waitedSince <= STALE_UPLOAD;
    if (isImported(image)) await sleep(deps.pollInterval);
    else if (image.status === 'queued') {
      // Whoever has made it is about to fill it.
      if (isPatient && (await isUploadedElsewhere(deps, image))) await sleep(deps.pollInterval);
      else await fill(deps, cloudName, image, wanted);
    } else if (image.status === 'saving' && isPatient) await sleep(deps.pollInterval);
    else if (image.status === 'saving' && (await isUploadedElsewhere(deps, image))) waitedSince = Date.now();
    else {
      await images.deleteImage(id, { signal: cancellationSignal() });
      return false;
    }
    image = await images.getImage(id, { signal: cancellationSignal() });
    reportProgress({ message: `image ${id} is ${image?.status ?? 'gone'}` });
  }
  return false;
}

/** Whether Glance is fetching it by itself. */
function isImported(image: Image): boolean {
  return image.status === 'importing' || isSaid(image['os_glance_import_task']);
}

function isSaid(property: unknown): boolean {
  return typeof property === 'string' && property !== '';
}

async function fill(deps: Deps, cloudName: string, image: Image, wanted: WantedImage): Promise<void> {
  const { content, request } = wanted;
  if ('uri' in content) return importFrom(deps, cloudName, image, content.uri);
  await nameUploader(deps, cloudName, image, wanted);
  return upload(deps, cloudName, image.id, { name: request.name, ...content });
}

/** Puts our name on an image that whoever made it does not fill, so that nobody takes our upload for his. */
async function nameUploader(deps: Deps, cloudName: string, image: Image, { request }: WantedImage): Promise<void> {
  const value = request.properties?.[KEYS.uploader];
  if (value === undefined || image[KEYS.uploader] === value) return;
  try {
    const change = { op: 'add', path: `/${KEYS.uploader}`, value } as const;
    await deps.clouds.get(cloudName).image.updateImage(image.id, [change], { signal: cancellationSignal() });
  } catch (error) {
    // The upload finds that out, too.
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
  }
}

/** @throws FactoryError MediaUnavailable where Glance has tried it before, without success */
async function importFrom(deps: Deps, cloudName: string, image: Image, uri: string): Promise<void> {
  const { image: images } = deps.clouds.get(cloudName);
  const { id } = image;
  if (isSaid(image['os_glance_failed_import'])) {
    const said = await images.getImportMessage(id, { signal: cancellationSignal() });
    await images.deleteImage(id, { signal: cancellationSignal() });
    throw new FactoryError(
      'MediaUnavailable',
      `Glance could not fetch ${redactUrl(uri)}: ${said ?? 'it does not say why'}`,
      {
        hint: 'see that the cloud itself reaches the address, or leave parameter web_download out: the worker fetches it then',
      },
    );
  }
  try {
    await images.importImage(id, uri, { signal: cancellationSignal() });
  } catch (error) {
    // Somebody else has begun it.
    if (!isConflict(error)) throw error;
    await sleep(deps.pollInterval);
  }
}

async function upload(
  deps: Deps,
  cloudName: string,
  id: string,
  wanted: UploadedContent & { name: string },
): Promise<void> {
  try {
    await deps.clouds.get(cloudName).image.uploadImage(id, wanted.open(), {
      signal: cancellationSignal(),
      ...(wanted.size === undefined ? {} : { size: wanted.size }),
      onProgress: (bytes) => {
        const percent = wanted.size === undefined ? {} : { percent: Math.floor((bytes / wanted.size) * 100) };
        reportProgress({ message: `uploading ${wanted.name}`, ...percent });
      },
    });
  } catch (error) {
    // Somebody has deleted it: then it is made anew. Or somebody else is uploading the same bytes: they are waited for.
    if (error instanceof FactoryError && error.type === 'NotFound') return;
    if (!isConflict(error)) throw error;
    await sleep(deps.pollInterval);
  }
}
