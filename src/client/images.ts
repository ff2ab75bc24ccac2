import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { baseImageWorkflowId } from '../domain/base-image-input.js';
import {
  WORKFLOWS,
  type DeleteImageInput,
  type DeleteImageResult,
  type ReadRecordsInput,
  type ReadRecordsResult,
} from '../domain/messages.js';
import { callTemporal } from './temporal-errors.js';
import { hasWorkers, type ImageFactoryClient } from './connection.js';
import { ClientError } from './errors.js';
import { BuildWatcher, type Observation } from './watch.js';

/** Metadata of an image, flat, as imagefactory printed it (reference: its PersistentImage). */
export type ImageMetadata = Record<string, unknown>;

const PAGE = 200;
/** Seconds that a worker may take to read its store. */
const READ_TIMEOUT = 60;
const UNFINISHED = new Set(['NEW', 'PENDING', 'BUILDING']);

/**
 * Images whose metadata equal the given ones, key by key, newest first. One match comes whole; several come without
 * template, ICICLE and parameters. An image that is being built is shown as it is now.
 *
 * @throws ClientError when no worker reads the store
 */
export async function findImages(
  factory: ImageFactoryClient,
  spec: Record<string, unknown> = {},
): Promise<ImageMetadata[]> {
  // The state of a running build is newer than its record, so it is compared here.
  const { status, ...stored } = spec;
  const found: ImageMetadata[] = [];
  for (let total = 1; found.length < total;) {
    const page = await readRecords(factory, { spec: stored, offset: found.length, limit: PAGE });
    total = page.records.length === 0 ? 0 : page.total;
    found.push(...page.records);
  }
  const now = await Promise.all(found.map((record) => completed(factory, record)));
  const matching = status === undefined ? now : now.filter((record) => record['status'] === status);
  const [only, ...others] = matching;
  if (only === undefined || others.length > 0) return matching;
  const whole = await findImage(factory, String(only['identifier']));
  return whole === undefined ? matching : [whole];
}

/** One image with everything that its record holds, or undefined. */
export async function findImage(factory: ImageFactoryClient, uuid: string): Promise<ImageMetadata | undefined> {
  const { records } = await readRecords(factory, { spec: { identifier: uuid }, full: true, limit: 1 });
  const [record] = records;
  return record === undefined ? undefined : completed(factory, record);
}

/**
 * The record of a build that Temporal has forgotten: ended builds live as long as the namespace's retention, records stay.
 *
 * @param error what asking for the build has thrown
 * @throws the same error, when the store knows nothing either or nobody can read it
 */
export async function imageFromRecord(
  factory: ImageFactoryClient,
  uuid: string,
  error: unknown,
): Promise<ImageMetadata> {
  if (!(error instanceof ClientError && error.cause instanceof WorkflowNotFoundError)) throw error;
  const image = await findImage(factory, uuid).catch(() => undefined);
  if (image === undefined) throw error;
  return image;
}

/**
 * Removes an image from Glance, and its record, body and documents from the store. Safe to call twice.
 *
 * @throws ClientError while the image is being built
 */
export async function deleteImage(factory: ImageFactoryClient, uuid: string): Promise<DeleteImageResult> {
  if (await isRunning(factory, uuid)) {
    throw new ClientError(`image ${uuid} is being built`, {
      hint: `cancel the build first: imagefactory cancel ${uuid}`,
    });
  }
  const input: DeleteImageInput = { uuid };
  return execute<DeleteImageResult>(factory, WORKFLOWS.deleteImage, input, `delete-${uuid}`, 600);
}

async function isRunning(factory: ImageFactoryClient, uuid: string): Promise<boolean> {
  try {
    const { status } = await factory.call(() =>
      factory.client.workflow.getHandle(baseImageWorkflowId(uuid)).describe(),
    );
    return status.name === 'RUNNING' || status.name === 'PAUSED';
  } catch (error) {
    // Temporal forgets ended builds after the namespace's retention; their images stay.
    if (error instanceof WorkflowNotFoundError) return false;
    return callTemporal(() => Promise.reject(error));
  }
}

function readRecords(factory: ImageFactoryClient, input: ReadRecordsInput): Promise<ReadRecordsResult> {
  return execute<ReadRecordsResult>(factory, WORKFLOWS.readRecords, input, `records-${randomUUID()}`, READ_TIMEOUT);
}

/** Runs a short workflow on a worker, and gives up after the time given. */
export async function execute<R>(
  factory: ImageFactoryClient,
  type: string,
  input: object,
  workflowId: string,
  seconds: number,
): Promise<R> {
  if (!(await callTemporal(() => hasWorkers(factory)))) throw noWorkerError(factory);
  try {
    const handle = await callTemporal(() =>
      factory.call(() =>
        factory.client.workflow.start(type, {
          args: [input],
          workflowId,
          taskQueue: factory.taskQueue,
          workflowExecutionTimeout: `${seconds}s`,
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      ),
    );
    return (await factory.call(() => handle.result(), seconds * 1000)) as R;
  } catch (error) {
    if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
      throw new ClientError(error.cause.message, { cause: error });
    }
    if (error instanceof ClientError) throw error;
    throw new ClientError(`no worker has done it within ${seconds} s`, {
      hint: 'look at the worker’s log',
      cause: error,
    });
  }
}

/** That nobody takes work from the task queue, and what to do about it. */
export function noWorkerError(factory: ImageFactoryClient): ClientError {
  return new ClientError(`no worker takes work from task queue "${factory.taskQueue}"`, {
    hint: 'start one with `imagefactory worker`',
  });
}

/** The record, brought up to date where its build has not written its last one yet. */
async function completed(factory: ImageFactoryClient, record: ImageMetadata): Promise<ImageMetadata> {
  if (!UNFINISHED.has(String(record['status']))) return record;
  const uuid = String(record['identifier']);
  try {
    return addRunningBuilds(record, await new BuildWatcher(factory, uuid).look());
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const workflow = baseImageWorkflowId(uuid);
    const detail = { activity: '', error: `its workflow ${workflow} is gone, so nobody works on it any more` };
    return { ...record, status: 'FAILED', status_detail: detail };
  }
}

/** A record with what its running build says of itself. */
export function addRunningBuilds(record: ImageMetadata, seen: Observation): ImageMetadata {
  const ended = seen.execution !== 'RUNNING' && seen.execution !== 'PAUSED';
  const { status } = seen;
  if (status === undefined) return ended ? { ...record, status: 'FAILED' } : record;
  const step = status.steps.filter(({ state }) => state === 'running').at(-1) ?? status.steps.at(-1);
  const message = seen.activities.find(({ progress }) => progress !== undefined)?.progress?.message;
  const activity = [step?.title, message].filter((part) => part !== undefined).join(': ');
  const state = ended && UNFINISHED.has(status.status) ? 'FAILED' : status.status;
  const error = status.failure?.message ?? (state === 'FAILED' ? `its workflow ended: ${seen.execution}` : null);
  return { ...record, status: state, percent_complete: status.percent, status_detail: { activity, error } };
}
