import { FactoryError, asRetryable } from '../../domain/errors.js';
import { marksOf } from '../../domain/names.js';
import type { Cloud, Volume } from '../../openstack/types.js';
import { type CloudWatch, type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { checkedSnapshot, checkSnapshotTime, DEAD, findSnapshot, snapshotDied } from './snapshot-server.js';
import type { SnapshotTaken, UploadInput } from '../shared/types.js';
import { volumeFailed } from '../instance/create-volumes.js';

/** How Glance gets a disk: as small as its content. */
const FORMAT = { disk_format: 'qcow2', container_format: 'bare' };

/**
 * Makes an image of a volume, and waits until it is whole: what a snapshot is for an instance whose disk is the hypervisor's. Nova's own
 * snapshot of such an instance is an empty image that points at snapshots of its volumes.
 */
export async function uploadVolume(deps: Deps, input: UploadInput): Promise<SnapshotTaken> {
  const watch = deps.watch(input.ref.cloud);
  const imageId = await startUpload(deps, watch, input);
  try {
    for (;;) {
      const [listed, volume] = await Promise.all([
        watch.images.next(imageId, cancellationSignal()),
        watch.volumes.next(input.volumeId, cancellationSignal()),
      ]);
      const image = listed ?? (await watch.cloud.image.getImage(imageId, { signal: cancellationSignal() }));
      const status = image?.status ?? 'gone';
      const isDead = image === undefined || DEAD.includes(status);
      if (isDead || volume?.status !== 'uploading') {
        if (image?.status === 'active') return await checkedSnapshot(image);
        // Cinder deletes the image first, then says why, and lets go of the volume last.
        if (await hasEnded(watch, input, imageId)) {
          return await uploadFailed(watch, input, imageId, status);
        }
      }
      checkSnapshotTime(input, { id: imageId, status });
      reportProgress({ message: `image is ${status}, volume is ${volume?.status ?? 'gone'}` });
    }
  } finally {
    watch.images.stopWaiting(imageId);
    watch.volumes.stopWaiting(input.volumeId);
  }
}

/** Whether the upload is over without an image that is whole. Lists may be older than its beginning, so both are asked for, the volume first. */
async function hasEnded({ cloud }: CloudWatch, { volumeId }: UploadInput, imageId: string): Promise<boolean> {
  const volume = await cloud.volume.getVolume(volumeId, { signal: cancellationSignal() });
  if (volume?.status === 'uploading') return false;
  return (await cloud.image.getImage(imageId, { signal: cancellationSignal() }))?.status !== 'active';
}

/** @throws FactoryError ImageFailed in Cinder's words */
async function uploadFailed(
  watch: CloudWatch,
  { volumeId }: UploadInput,
  imageId: string,
  status: string,
): Promise<never> {
  const [said = 'without a word'] = await watch.cloud.volume.listMessages(volumeId, { signal: cancellationSignal() });
  return snapshotDied(watch, imageId, `${status}, and Cinder has given up (${said})`);
}

async function startUpload(deps: Deps, watch: CloudWatch, input: UploadInput): Promise<string> {
  const existing = await findSnapshot(deps, input);
  if (existing !== undefined) return existing.id;
  const { volume: volumes } = watch.cloud;
  const volume = await volumes.getVolume(input.volumeId, { signal: cancellationSignal() });
  if (volume === undefined)
    throw await volumeFailed(watch.cloud, input.volumeId, 'is gone: somebody else has deleted it');
  if (volume.status !== 'available') throw await busy(watch.cloud, volume);
  try {
    // The image has them from its beginning: so it is found again when the reply is lost.
    await volumes.setImageMetadata(volume.id, marksOf(input.ref, input.role, deps.identity), {
      signal: cancellationSignal(),
    });
    return await volumes.uploadToImage(
      volume.id,
      { image_name: input.name, ...FORMAT },
      { signal: cancellationSignal() },
    );
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    // It is being uploaded in this very moment, or detached: the next try sees which.
    throw asRetryable(error);
  }
}

async function busy(cloud: Cloud, { id, status }: Volume): Promise<FactoryError> {
  if (status.startsWith('error')) return volumeFailed(cloud, id, `is ${status}: no image can be made of it`);
  return new FactoryError('Conflict', `volume ${id} is ${status}: no image can be made of it yet`, { retryable: true });
}
