import { FactoryError } from '../../domain/errors.js';
import { KEYS, type BuildRef } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type CloudWatch, type Deps, cancellationSignal } from '../shared/context.js';
import { listOwnImages } from './own-image.js';
import { Context } from '@temporalio/activity';

export interface SnapshotServerInput {
  ref: BuildRef;
  role: 'jeos' | 'base' | 'prepared';
  serverId: string;
  /** Time at which the step fails if the image is not complete, in milliseconds since the epoch. */
  deadline: number;
}

export interface CapturedImage {
  imageId: string;
  /** Bytes. */
  size: number;
}

/** Statuses from which an image never becomes active. https://docs.openstack.org/glance/latest/user/statuses.html */
export const DEAD_STATUSES = ['killed', 'deleted', 'deactivated', 'pending_delete'];

/** How many times we try to make an image of one instance before the step fails. */
const SNAPSHOT_TRIES = 3;

/** Finds the image that a build is making, or has made, for a role. */
export async function findCapturedImage(
  deps: Deps,
  { ref, role }: Pick<SnapshotServerInput, 'ref' | 'role'>,
): Promise<Image | undefined> {
  const properties = { [KEYS.build]: ref.uuid, [KEYS.role]: role };
  const found = await listOwnImages(deps, ref.cloud, { properties }, { signal: cancellationSignal() });
  return found.find((candidate) => !DEAD_STATUSES.includes(candidate.status));
}

/**
 * Deletes an image that the cloud cannot complete, and throws.
 * @throws FactoryError ImageFailed, always; retryable in the first tries
 */
export async function failCapture(watch: CloudWatch, imageId: string, status: string): Promise<never> {
  if (status !== 'gone') await watch.cloud.image.deleteImage(imageId, { signal: cancellationSignal() });
  throw new FactoryError('ImageFailed', `the snapshot (image ${imageId}) is ${status}: the cloud could not finish it`, {
    retryable: Context.current().info.attempt < SNAPSHOT_TRIES,
    hint:
      'look for the reason in the log of the hypervisor or of Glance; ' +
      'often it is a full disk or a quota of image storage',
  });
}

export function checkCaptureDeadline(
  { deadline }: Pick<SnapshotServerInput, 'deadline'>,
  { id, status }: Pick<Image, 'id' | 'status'>,
): void {
  if (Date.now() < deadline) return;
  throw new FactoryError('DeadlineExceeded', `the snapshot (image ${id}) is still ${status} at its deadline`, {
    hint: '--parameter snapshot_timeout gives it more time',
  });
}

/** Checks that an active image is not empty. */
export async function checkCapturedImage(image: Image): Promise<CapturedImage> {
  if (image.size === null || image.size === 0) {
    throw new FactoryError('ImageFailed', `the snapshot (image ${image.id}) is active but empty`, {
      hint:
        'check whether the root disk of the instance is a volume: ' +
        'the snapshot of such an instance has no bytes in Glance',
    });
  }
  return { imageId: image.id, size: image.size };
}
