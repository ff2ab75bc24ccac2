import type { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import { redactUrl } from '../../media/urls.js';
import type { CreateImage, Image } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { isUploadedElsewhere } from './uploader.js';
import { deriveUuid } from '../../planning/derive-uuid.js';

/** An image that is created under an id derived from its seed. */
export interface WantedImage {
  /** Identifies the image: equal seeds give equal ids. */
  seed: string;
  request: CreateImage;
  content: UploadedContent | { uri: string };
}

/** Content that the worker uploads. */
export interface UploadedContent {
  /** Size in bytes. Unset when the size is known only after the last byte. */
  size?: number;
  /** Opens the content from its beginning, for each try. */
  open: () => Readable;
}

/** How many derived ids we try. A deleted image uses up its id, because Glance never reuses the id. */
const GENERATIONS = 50;

/**
 * Milliseconds for which we wait for an upload by another activity before we ask Temporal whether that activity still
 * runs. If that activity no longer runs, its upload counts as dead. An upload also counts as dead after this time if
 * its image names no activity, or names this activity (then an earlier try began the upload).
 */
const STALE_UPLOAD = 120_000;

function isConflict(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'Conflict';
}

/**
 * Makes sure that an image with this content exists and is active, and returns its id. The id is derived from the seed.
 * So when the reply to the create call is lost, the next try finds the image of the first try and creates no second
 * image. Glance never reuses the id of a deleted image. In this case we derive the next id from the seed and a higher
 * generation number.
 */
export async function ensureImage(deps: Deps, cloudName: string, wanted: WantedImage): Promise<string> {
  const cloud = deps.clouds.get(cloudName);
  const project = await cloud.getProjectId({ signal: cancellationSignal() });
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const id = deriveUuid(`${project}:${wanted.seed}:${generation}`);
    const image =
      (await cloud.image.getImage(id, { signal: cancellationSignal() })) ?? (await create(deps, cloudName, id, wanted));
    // An image of another project with this id is not ours, whatever it contains.
    if (image === undefined || image.owner !== project) continue;
    if (!(await waitUntilFilled(deps, cloudName, image, wanted))) continue;
    await recordId(deps, cloudName, image);
    return id;
  }
  throw new FactoryError(
    'ImageFailed',
    `image ${wanted.request.name} cannot be created: none of ${GENERATIONS} ids could be used, because images with these ids were deleted or belong to another project`,
  );
}

/** Writes an image's id into its marks, if they lack it. Only the marks of images from release 0.1.0 lack it. */
async function recordId(deps: Deps, cloudName: string, { id, ...image }: Image): Promise<void> {
  if (image[KEYS.id] === id) return;
  const change = { op: 'add', path: `/${KEYS.id}`, value: id } as const;
  await deps.clouds.get(cloudName).image.updateImage(id, [change], { signal: cancellationSignal() });
}

/** Creates the image. Returns undefined when a deleted image has used up the id. */
async function create(deps: Deps, cloudName: string, id: string, wanted: WantedImage): Promise<Image | undefined> {
  const { image } = deps.clouds.get(cloudName);
  try {
    const properties = { ...wanted.request.properties, [KEYS.id]: id };
    return await image.createImage({ id, ...wanted.request, properties }, { signal: cancellationSignal() });
  } catch (error) {
    if (!isConflict(error)) throw error;
    return image.getImage(id, { signal: cancellationSignal() });
  }
}

/**
 * Uploads the image's content, or waits until another activity has uploaded it. Returns true when the image is active;
 * false when the image is gone, or was deleted because its upload was dead.
 */
async function waitUntilFilled(deps: Deps, cloudName: string, first: Image, wanted: WantedImage): Promise<boolean> {
  const images = deps.clouds.get(cloudName).image;
  const { id } = first;
  let image: Image | undefined = first;
  let waitedSince = Date.now();
  while (image !== undefined) {
    if (image.status === 'active' && image.size !== null && image.size > 0) return true;
    const isPatient = Date.now() - waitedSince <= STALE_UPLOAD;
    if (isImported(image)) await sleep(deps.pollInterval);
    else if (image.status === 'queued') {
      // If another activity created the image, and still runs, it will probably upload the content, so we wait.
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

/** Whether Glance itself imports the image's content. */
function isImported(image: Image): boolean {
  return image.status === 'importing' || isText(image['os_glance_import_task']);
}

function isText(property: unknown): boolean {
  return typeof property === 'string' && property !== '';
}

async function fill(deps: Deps, cloudName: string, image: Image, wanted: WantedImage): Promise<void> {
  const { content, request } = wanted;
  if ('uri' in content) return importFrom(deps, cloudName, image, content.uri);
  await recordUploader(deps, cloudName, image, wanted);
  return upload(deps, cloudName, image.id, { name: request.name, ...content });
}

/**
 * Records this activity as the uploader of an image whose creator has not uploaded the content. Then other activities
 * wait for this upload.
 */
async function recordUploader(deps: Deps, cloudName: string, image: Image, { request }: WantedImage): Promise<void> {
  const value = request.properties?.[KEYS.uploader];
  if (value === undefined || image[KEYS.uploader] === value) return;
  try {
    const change = { op: 'add', path: `/${KEYS.uploader}`, value } as const;
    await deps.clouds.get(cloudName).image.updateImage(image.id, [change], { signal: cancellationSignal() });
  } catch (error) {
    // NotFound: the image was deleted. We ignore this error here, because the upload fails with the same error.
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
  }
}

/**
 * Asks Glance to import the image from a URL.
 * @throws FactoryError MediaUnavailable when an earlier import by Glance failed
 */
async function importFrom(deps: Deps, cloudName: string, image: Image, uri: string): Promise<void> {
  const { image: images } = deps.clouds.get(cloudName);
  const { id } = image;
  if (isText(image['os_glance_failed_import'])) {
    const said = await images.getImportMessage(id, { signal: cancellationSignal() });
    await images.deleteImage(id, { signal: cancellationSignal() });
    throw new FactoryError(
      'MediaUnavailable',
      `Glance could not fetch ${redactUrl(uri)}: ${said ?? 'Glance gives no reason'}`,
      {
        hint:
          'check that the cloud itself can reach the URL; ' +
          'without parameter web_download the worker fetches the medium instead',
      },
    );
  }
  try {
    await images.importImage(id, uri, { signal: cancellationSignal() });
  } catch (error) {
    // Conflict: another activity has started the import.
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
    // NotFound: the image was deleted, and the caller creates it again. Conflict: another activity uploads the same
    // bytes, and the caller waits for that upload.
    if (error instanceof FactoryError && error.type === 'NotFound') return;
    if (!isConflict(error)) throw error;
    await sleep(deps.pollInterval);
  }
}
