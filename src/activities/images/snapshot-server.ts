import { FactoryError, asRetryable } from '../../domain/errors.js';
import { type CloudWatch, type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { watchCapture } from '../shared/watch-resource.js';
import { describeCapture } from './own-image.js';
import { getLiveServer } from '../instance/servers.js';
import {
  DEAD_STATUSES,
  findCapturedImage,
  failCapture,
  checkCaptureDeadline,
  checkCapturedImage,
  type SnapshotServerInput,
  type CapturedImage,
} from './captured-image.js';

/**
 * Number of polls for which the image may stay `queued` after the server's task has ended. After these polls, the step
 * fails.
 */
const QUEUED_POLLS = 20;

async function startSnapshot(deps: Deps, watch: CloudWatch, input: SnapshotServerInput): Promise<string> {
  const existing = await findCapturedImage(deps, input);
  if (existing !== undefined) return existing.id;
  const server = await getLiveServer(deps, input.ref.cloud, input.serverId);
  const task = server['OS-EXT-STS:task_state'];
  if (task !== null) {
    throw new FactoryError('Conflict', `instance ${server.id} is busy (${task}): no snapshot can be taken yet`, {
      retryable: true,
    });
  }
  const { name, marks } = describeCapture(deps, input, 'instance', input.serverId);
  try {
    return await watch.cloud.compute.createServerImage(input.serverId, name, marks, {
      signal: cancellationSignal(),
    });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    // Conflict: the instance has just got another task, or is gone. The next try reads the instance and reports which
    // of the two is the case.
    throw asRetryable(error);
  }
}

/**
 * Takes a snapshot of an instance and waits until it is complete: the server's task is over, and the image is active
 * and larger than zero.
 */
export async function snapshotServer(deps: Deps, input: SnapshotServerInput): Promise<CapturedImage> {
  const watch = deps.watch(input.ref.cloud);
  const imageId = await startSnapshot(deps, watch, input);
  let idlePolls = 0;
  const ids = { image: imageId, source: input.serverId };
  return watchCapture(deps, input.ref.cloud, ids, watch.servers, ({ image, source: server }) => {
    if (image === undefined) return failCapture(watch, imageId, 'gone');
    if (DEAD_STATUSES.includes(image.status)) return failCapture(watch, imageId, image.status);
    const task = server?.['OS-EXT-STS:task_state'] ?? null;
    if (image.status === 'active' && task === null) return checkCapturedImage(image);
    const isLost = image.status === 'queued' && server !== undefined && task === null;
    idlePolls = isLost ? idlePolls + 1 : 0;
    if (idlePolls > QUEUED_POLLS) {
      return failCapture(watch, imageId, 'queued, though the instance’s task is over');
    }
    checkCaptureDeadline(input, image);
    reportProgress({ message: `image is ${image.status}, instance’s task is ${task ?? 'over'}` });
    return undefined;
  });
}
