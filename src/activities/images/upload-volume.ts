import { FactoryError, asRetryable } from '../../domain/errors.js';
import type { Cloud, Volume } from '../../openstack/types.js';
import { type CloudWatch, type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { watchCapture } from '../shared/watch-resource.js';
import { describeCapture } from './own-image.js';
import { volumeFailedError } from '../instance/volumes.js';
import {
  checkCapturedImage,
  checkCaptureDeadline,
  DEAD_STATUSES,
  findCapturedImage,
  failCapture,
  type CapturedImage,
  type SnapshotServerInput,
} from './captured-image.js';

export interface UploadVolumeInput extends Omit<SnapshotServerInput, 'serverId'> {
  volumeId: string;
}

/** Format of the image. A qcow2 image is only as large as the content of the disk. */
const FORMAT = { disk_format: 'qcow2', container_format: 'bare' };

/**
 * Makes an image of a root volume, and waits until the image is complete. This replaces Nova's snapshot when the disk
 * of an instance is a volume: Nova would make an empty image that refers to snapshots of the volumes.
 */
export async function uploadVolume(deps: Deps, input: UploadVolumeInput): Promise<CapturedImage> {
  const watch = deps.watch(input.ref.cloud);
  const imageId = await startUpload(deps, watch, input);
  const ids = { image: imageId, source: input.volumeId };
  return watchCapture(deps, input.ref.cloud, ids, watch.volumes, async ({ image, source: volume }) => {
    const status = image?.status ?? 'gone';
    const isDead = image === undefined || DEAD_STATUSES.includes(status);
    if (isDead || volume?.status !== 'uploading') {
      if (image?.status === 'active') return checkCapturedImage(image);
      // When an upload fails, Cinder first deletes the image, then gives the reason, and releases the volume last. So
      // we wait until the volume is released.
      if (await hasEnded(watch, input, imageId)) return uploadFailed(watch, input, imageId, status);
    }
    checkCaptureDeadline(input, { id: imageId, status });
    reportProgress({ message: `image is ${status}, volume is ${volume?.status ?? 'gone'}` });
    return undefined;
  });
}

/**
 * Checks whether the upload is over without a complete image. Reads the volume and then the image by their ids, because
 * the lists of the shared polls may be older than the upload.
 */
async function hasEnded({ cloud }: CloudWatch, { volumeId }: UploadVolumeInput, imageId: string): Promise<boolean> {
  const volume = await cloud.volume.getVolume(volumeId, { signal: cancellationSignal() });
  if (volume?.status === 'uploading') return false;
  return (await cloud.image.getImage(imageId, { signal: cancellationSignal() }))?.status !== 'active';
}

/**
 * Throws an error with Cinder's own message.
 * @throws FactoryError ImageFailed, always
 */
async function uploadFailed(
  watch: CloudWatch,
  { volumeId }: UploadVolumeInput,
  imageId: string,
  status: string,
): Promise<never> {
  const [message = 'it gives no reason'] = await watch.cloud.volume.listMessages(volumeId, {
    signal: cancellationSignal(),
  });
  return failCapture(watch, imageId, `${status}, and Cinder has given up (${message})`);
}

async function startUpload(deps: Deps, watch: CloudWatch, input: UploadVolumeInput): Promise<string> {
  const existing = await findCapturedImage(deps, input);
  if (existing !== undefined) return existing.id;
  const { volume: volumes } = watch.cloud;
  const volume = await volumes.getVolume(input.volumeId, { signal: cancellationSignal() });
  if (volume === undefined)
    throw await volumeFailedError(watch.cloud, input.volumeId, 'is gone: it was deleted outside of the build');
  if (volume.status !== 'available') throw await volumeBusyError(watch.cloud, volume);
  const { name, marks } = describeCapture(deps, input, 'volume', volume.id);
  try {
    // Sets the marks before the upload: Cinder writes them to the image when it creates the image. So the next try
    // finds the image by its marks even if the reply to the upload call is lost.
    await volumes.setImageMetadata(volume.id, marks, {
      signal: cancellationSignal(),
    });
    return await volumes.uploadToImage(volume.id, { image_name: name, ...FORMAT }, { signal: cancellationSignal() });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    // Conflict: Cinder is just uploading or detaching the volume. The next try reads the volume and reports its status.
    throw asRetryable(error);
  }
}

async function volumeBusyError(cloud: Cloud, { id, status }: Volume): Promise<FactoryError> {
  if (status.startsWith('error')) return volumeFailedError(cloud, id, `is ${status}: no image can be made from it`);
  return new FactoryError('Conflict', `volume ${id} is ${status}: no image can be made from it yet`, {
    retryable: true,
  });
}
