import { FactoryError, asRetryable } from '../../domain/errors.js';
import { KEYS, marksOf } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type CloudWatch, type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { livingServer } from '../instance/servers.js';
import type { SnapshotInput, SnapshotTaken } from '../shared/types.js';
import { Context } from '@temporalio/activity';

/** States from which an image never becomes active. https://docs.openstack.org/glance/latest/user/statuses.html */
export const DEAD = ['killed', 'deleted', 'deactivated', 'pending_delete'];
/** How many snapshots of one server may fail before the build does. */
const SNAPSHOT_TRIES = 3;

/** The image of that role that a build is making, or has made. */
export async function findSnapshot(
  deps: Deps,
  { ref, role }: Pick<SnapshotInput, 'ref' | 'role'>,
): Promise<Image | undefined> {
  const { image } = deps.clouds.get(ref.cloud);
  const properties = { [KEYS.build]: ref.uuid, [KEYS.role]: role };
  const found = await image.listImages({ properties }, { signal: cancellationSignal() });
  return found.find((candidate) => !DEAD.includes(candidate.status));
}

async function startSnapshot(deps: Deps, watch: CloudWatch, input: SnapshotInput): Promise<string> {
  const existing = await findSnapshot(deps, input);
  if (existing !== undefined) return existing.id;
  const server = await livingServer(deps, input.ref.cloud, input.serverId);
  const task = server['OS-EXT-STS:task_state'];
  if (task !== null) {
    throw new FactoryError('Conflict', `instance ${server.id} is busy (${task}): no snapshot can be taken yet`, {
      retryable: true,
    });
  }
  const marks = marksOf(input.ref, input.role, deps.identity);
  try {
    return await watch.cloud.compute.createServerImage(input.serverId, input.name, marks, {
      signal: cancellationSignal(),
    });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    // It has got a task in this very moment: the next try sees which one, or that it is gone.
    throw asRetryable(error);
  }
}

/** Removes an image that cannot become whole. @throws FactoryError ImageFailed, retryable a few times */
export async function snapshotDied(watch: CloudWatch, imageId: string, status: string): Promise<never> {
  if (status !== 'gone') await watch.cloud.image.deleteImage(imageId, { signal: cancellationSignal() });
  throw new FactoryError('ImageFailed', `the snapshot (image ${imageId}) is ${status}: the cloud could not finish it`, {
    retryable: Context.current().info.attempt < SNAPSHOT_TRIES,
    hint: 'the hypervisor’s or Glance’s log has the reason; often a full disk or a quota of image storage',
  });
}

/**
 * Takes a snapshot and waits until it is whole. It is believed only when the server's task is over and the image is
 * active and larger than zero.
 */
export async function snapshotServer(deps: Deps, input: SnapshotInput): Promise<SnapshotTaken> {
  const watch = deps.watch(input.ref.cloud);
  const imageId = await startSnapshot(deps, watch, input);
  try {
    for (let polls = 1; ; polls++) {
      const [listed, server] = await Promise.all([
        watch.images.next(imageId, cancellationSignal()),
        watch.servers.next(input.serverId, cancellationSignal()),
      ]);
      const image = listed ?? (await watch.cloud.image.getImage(imageId, { signal: cancellationSignal() }));
      if (image === undefined) return await snapshotDied(watch, imageId, 'gone');
      if (DEAD.includes(image.status)) return await snapshotDied(watch, imageId, image.status);
      const task = server?.['OS-EXT-STS:task_state'] ?? null;
      if (image.status === 'active' && task === null) return await checkedSnapshot(image);
      if (image.status === 'queued' && server !== undefined && task === null && polls > 20) {
        return await snapshotDied(watch, imageId, 'queued, though the instance’s task is over');
      }
      checkSnapshotTime(input, image);
      reportProgress({ message: `image is ${image.status}, instance’s task is ${task ?? 'over'}` });
    }
  } finally {
    watch.images.stopWaiting(imageId);
    watch.servers.stopWaiting(input.serverId);
  }
}

export function checkSnapshotTime(
  { deadline }: Pick<SnapshotInput, 'deadline'>,
  { id, status }: Pick<Image, 'id' | 'status'>,
): void {
  if (Date.now() < deadline) return;
  throw new FactoryError('DeadlineExceeded', `the snapshot (image ${id}) is still ${status} at its deadline`, {
    hint: '--parameter snapshot_timeout gives it more time',
  });
}

/** An image that is active: whole only when it has bytes. */
export async function checkedSnapshot(image: Image): Promise<SnapshotTaken> {
  if (image.size === null || image.size === 0) {
    throw new FactoryError('ImageFailed', `the snapshot (image ${image.id}) is active but empty`, {
      hint: 'is the flavor’s root disk a volume? A volume-backed instance’s snapshot has no bytes in Glance',
    });
  }
  return { imageId: image.id, size: image.size };
}
