import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import { TOOL } from '../../domain/names.js';
import { isMarkedAs, marksOfPushed, PROVIDER_KEYS, sourceMark } from '../../domain/provider-marks.js';
import type { Cloud, CreateImage, Image } from '../../openstack/types.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';

/** How many derived ids we try. A deleted image uses up its id, because Glance never reuses the id. */
const GENERATIONS = 50;
/** Milliseconds for which we wait for an upload that has begun before: then its worker counts as dead. */
const STALE_UPLOAD = 120_000;
/** Bytes that are read from the file at once. */
const CHUNK = 1024 * 1024;

/** The names that Glance has for the formats. */
const DISK_FORMATS: Readonly<Record<string, string>> = {
  qcow2: 'qcow2',
  raw: 'raw',
  vmdk: 'vmdk',
  vhd: 'vhd',
  vhdx: 'vhdx',
  vdi: 'vdi',
};

/**
 * Property with the image's own id. Clouds copy marks: a user's snapshot of an instance of the image has all of them,
 * but not this id. See docs/adr/0030-clouds-copy-marks.md.
 */
export const OWN_ID = 'imagefactory_provider_id';

/** Name of an image that is not registered yet. */
export function workingName(uuid: string): string {
  return `imagefactory-provider-${uuid}`;
}

/** Lists the ids that the image may have at Glance, the first one first. A copy of the image never has one of them. */
function* listIds(project: string, { uuid, file }: PushedImage): Generator<string> {
  for (let generation = 0; generation < GENERATIONS; generation++) {
    yield deriveUuid(`${project}:provider_image:${uuid}:${file.sha512}:${generation}`);
  }
}

/** Finds the image that an earlier attempt has made, complete or not. */
export async function findImage(cloud: Cloud, image: PushedImage, signal: AbortSignal): Promise<Image | undefined> {
  const project = await cloud.getProjectId({ signal });
  const { tool, image: uuid, source } = PROVIDER_KEYS;
  const properties = { [tool]: TOOL, [uuid]: image.uuid, [source]: sourceMark(image) };
  const [shown, hidden] = await Promise.all([
    cloud.image.listImages({ properties }, { signal }),
    // Glance leaves hidden images out of its lists.
    cloud.image.listImages({ properties: { ...properties, os_hidden: 'true' } }, { signal }),
  ]);
  const marked = [...shown, ...hidden];
  // A user's snapshot of an instance of the image has all its marks, but another id.
  const ids = new Set(listIds(project, image));
  const own = marked.filter((found) => found.owner === project && ids.has(found.id));
  return own.find(({ status }) => status === 'active') ?? own[0];
}

/**
 * Makes sure that Glance has the bytes of the file under one of the image's ids, and returns that image. When the
 * reply to the create call was lost, finds the image by its id.
 */
export async function ensureUploaded(
  cloud: Cloud,
  operation: Operation,
  image: PushedImage,
  properties: Record<string, string>,
): Promise<{ uploaded: Image; sent: number }> {
  const { signal } = operation;
  const project = await cloud.getProjectId({ signal });
  let sent = 0;
  for (const id of listIds(project, image)) {
    const found =
      (await cloud.image.getImage(id, { signal })) ?? (await create(cloud, image, id, operation, properties));
    // Undefined: a deleted image has used up the id. An image that is not ours stays, whatever it is.
    if (found === undefined || found.owner !== project || !isMarkedAs(found, image)) continue;
    const filled = await fill(cloud, operation, image, found);
    sent += filled.sent;
    if (filled.image === undefined) continue;
    return { uploaded: filled.image, sent };
  }
  throw new FactoryError('ImageFailed', `none of ${GENERATIONS} ids at Glance could be used for image ${image.uuid}`, {
    hint: 'images with these ids were deleted or belong to another project; make the target image again',
  });
}

async function create(
  cloud: Cloud,
  image: PushedImage,
  id: string,
  { signal, creator }: Operation,
  properties: Record<string, string>,
): Promise<Image | undefined> {
  const request: CreateImage = {
    id,
    name: workingName(image.uuid),
    disk_format: DISK_FORMATS[image.file.format] ?? image.file.format,
    container_format: 'bare',
    visibility: 'private',
    min_disk: Math.ceil(image.file.virtualSize / 1024 ** 3),
    properties: { ...properties, ...marksOfPushed(image, creator), [OWN_ID]: id },
  };
  try {
    return await cloud.image.createImage(request, { signal });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    return cloud.image.getImage(id, { signal });
  }
}

/**
 * Uploads the bytes of an image, or waits for an upload that has begun. Glance takes the bytes in one call, which
 * cannot be continued: what a dead worker has sent is sent again.
 *
 * @returns the image; undefined when it is gone, or was removed because its upload is dead
 */
async function fill(
  cloud: Cloud,
  operation: Operation,
  image: PushedImage,
  first: Image,
): Promise<{ image: Image | undefined; sent: number }> {
  const { signal } = operation;
  const { id } = first;
  const since = Date.now();
  let sent = 0;
  for (let found: Image | undefined = first; found !== undefined; found = await cloud.image.getImage(id, { signal })) {
    if (found.status === 'active') return { image: found, sent };
    if (found.status === 'queued') sent += await upload(cloud, operation, image, id);
    else if (['saving', 'uploading', 'importing'].includes(found.status) && Date.now() - since < STALE_UPLOAD) {
      operation.report({ message: `image ${id} is ${found.status}` });
      await operation.sleep(operation.pollInterval);
    } else {
      await cloud.image.deleteImage(id, { signal });
      break;
    }
  }
  return { image: undefined, sent };
}

/** Reads a file no faster than the user allows the upload to be. */
async function* readAtPace(path: string, pace: UploadPace): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    await pace.acquire(chunk.length);
    yield chunk;
  }
}

async function upload(cloud: Cloud, operation: Operation, image: PushedImage, id: string): Promise<number> {
  const { signal } = operation;
  const { path, size } = image.file;
  const pace = new UploadPace(operation, `uploading ${image.file.name} to Glance`, size);
  let counted = 0;
  try {
    await cloud.image.uploadImage(id, Readable.from(readAtPace(path, pace)), {
      signal,
      size,
      onProgress: (bytes) => {
        pace.sent(bytes - counted);
        counted = bytes;
      },
    });
    return size;
  } catch (error) {
    // NotFound: the image was deleted. Conflict: another attempt uploads the same bytes. The caller looks again.
    const isExpected = error instanceof FactoryError && ['NotFound', 'Conflict'].includes(error.type);
    if (!isExpected) throw error;
    await operation.sleep(operation.pollInterval);
    return counted;
  }
}
