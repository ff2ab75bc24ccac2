import { FactoryError } from '../../domain/errors.js';
import { isMarked, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, StagingObject } from '../types.js';
import type { ComputeImage, Images } from './compute.js';
import { OBJECT_PREFIX, objectPrefix, uuidOfImageName } from './names.js';
import type { Bucket } from './storage.js';
import { findUploadNotes, forgetUpload } from './upload-notes.js';
import { waitForOperation } from './wait.js';

/** Removes an image of ours, and waits until it is gone. */
export async function removeImage(images: Images, operation: Operation, image: ComputeImage): Promise<void> {
  const { name } = image;
  const requestId = deriveUuid(`gce removal ${image.id}`);
  const started = await retryPart(operation, () => images.remove(name, requestId, operation.signal));
  if (started !== undefined) await waitForOperation(images, operation, started, `the removal of image ${name}`);
}

/**
 * Finds an image by what the record has of it, to change or remove it. Undefined when it is not there.
 *
 * @throws FactoryError Conflict when it does not carry our labels
 */
export async function findRegistered(
  images: Images,
  registered: RegisteredImage,
  signal: AbortSignal,
): Promise<ComputeImage | undefined> {
  if (registered.account !== undefined && registered.account !== images.project) {
    throw new FactoryError(
      'InvalidParameter',
      `image ${registered.id} is in project ${registered.account}, and the provider is for project ${images.project}`,
      { hint: 'use a provider of that project' },
    );
  }
  const found = await images.find(registered.id, signal);
  const uuid = uuidOfImageName(registered.id);
  if (found === undefined || (uuid !== undefined && isMarked(found.labels ?? {}, uuid))) return found;
  throw new FactoryError(
    'Conflict',
    `image ${registered.id} of project ${images.project} does not carry our labels: somebody has replaced it`,
    { hint: 'look whose image it is; imagefactory does not touch it' },
  );
}

/** Removes a registered image. @returns what was removed */
export async function removeRegistered(
  images: Images,
  operation: Operation,
  registered: RegisteredImage,
): Promise<string[]> {
  const found = await findRegistered(images, registered, operation.signal);
  if (found === undefined) return [];
  await removeImage(images, operation, found);
  return [`image ${found.name}`];
}

/**
 * Removes what unfinished pushes of an image have left. An upload that cannot be given up stops nothing else.
 *
 * @param everything whether the image is given up, also one that is ready
 * @returns what was removed
 * @throws FactoryError of the upload, after all else is removed
 */
export async function removeStaging(
  images: Images,
  bucket: Bucket,
  operation: Operation,
  uuid: string,
  everything: boolean,
): Promise<string[]> {
  // It is first, so that no upload ends after the objects are listed.
  const upload = await cancelUpload(bucket, operation, uuid).catch((error: unknown) => {
    operation.signal.throwIfAborted();
    return { error };
  });
  const removed = [
    ...(await removeImages(images, operation, uuid, everything)),
    ...(await removeObjects(bucket, operation, uuid)),
  ];
  if ('error' in upload) throw upload.error;
  return [...upload, ...removed];
}

/** The address of an upload is known to nobody but the notes. Without them Cloud Storage forgets it after a week. */
async function cancelUpload(bucket: Bucket, operation: Operation, uuid: string): Promise<string[]> {
  const notes = await findUploadNotes(operation);
  const { address } = notes ?? {};
  if (notes === undefined || address === undefined || !bucket.isUpload(address)) return [];
  try {
    const wasOpen = await retryPart(operation, () => bucket.cancelUpload(address, operation.signal));
    await forgetUpload(operation, notes);
    return wasOpen ? [`upload of image ${uuid}`] : [];
  } catch (error) {
    // One that is refused would be refused for ever. Cloud Storage forgets that upload after a week.
    if (error instanceof FactoryError && !error.retryable) await forgetUpload(operation, notes);
    throw error;
  }
}

/**
 * Removes images that never became ready; with `everything` also those that are. One that is being imported can be
 * removed only when that has ended, and a push that goes on may wait for the same import: it keeps what became ready.
 */
async function removeImages(
  images: Images,
  operation: Operation,
  uuid: string,
  everything: boolean,
): Promise<string[]> {
  const removed: string[] = [];
  for (const image of await images.list(['image', uuid], operation.signal)) {
    if (!isMarked(image.labels ?? {}, uuid)) continue;
    const ended = await waitUntilEnded(images, operation, image);
    if (ended === undefined || (ended.status === 'READY' && !everything)) continue;
    await removeImage(images, operation, ended);
    removed.push(`image ${image.name}`);
  }
  return removed;
}

async function waitUntilEnded(
  images: Images,
  operation: Operation,
  image: ComputeImage,
): Promise<ComputeImage | undefined> {
  let current: ComputeImage | undefined = image;
  while (current !== undefined && current.status !== 'READY' && current.status !== 'FAILED') {
    operation.report({ message: `image ${image.name} is ${current.status}; it is removed afterwards` });
    await operation.sleep(operation.pollInterval);
    current = await images.find(image.name, operation.signal);
  }
  // Another image of this name is not the one that we have found.
  return current?.id === image.id ? current : undefined;
}

/** Removes the archives of an image from the bucket. @returns what was removed */
async function removeObjects(bucket: Bucket, operation: Operation, uuid: string): Promise<string[]> {
  const removed: string[] = [];
  const { signal } = operation;
  for (const object of await bucket.list(objectPrefix(uuid), signal)) {
    if (!isMarked(object.metadata ?? {}, uuid)) continue;
    const isRemoved = await retryPart(operation, () => bucket.remove(object, signal));
    if (isRemoved) removed.push(`object ${bucket.name}/${object.name}`);
  }
  return removed;
}

/** Lists what unfinished pushes of all images have left. Uploads without their notes cannot be listed. */
export async function listStaging(images: Images, bucket: Bucket, operation: Operation): Promise<StagingObject[]> {
  const { signal } = operation;
  const objects = await bucket.list(OBJECT_PREFIX, signal);
  const unfinished = await images.list(['tool', TOOL], signal);
  return [
    ...objects.flatMap((object) => {
      const uuid = readUuid(object.metadata);
      const { size, timeCreated } = object;
      const id = `${bucket.name}/${object.name}`;
      return uuid === undefined ? [] : [{ uuid, kind: 'object', id, createdAt: readTime(timeCreated), size }];
    }),
    ...unfinished.flatMap(({ status, labels, name, creationTimestamp }) => {
      const uuid = readUuid(labels);
      if (uuid === undefined || status === 'READY') return [];
      const kind = `image that is ${status}`;
      return [{ uuid, kind, id: name, createdAt: readTime(creationTimestamp), size: undefined }];
    }),
  ];
}

/** Reads the UUID from marks. Undefined when they are not ours. */
function readUuid(marks: Readonly<Record<string, string>> = {}): string | undefined {
  const uuid = marks[PROVIDER_KEYS.image];
  return uuid !== undefined && isMarked(marks, uuid) ? uuid : undefined;
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
