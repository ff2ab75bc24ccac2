import { WorkflowNotFoundError } from '@temporalio/client';
import { WORKFLOWS, type ReadRecordsInput, type ReadRecordsResult } from '../domain/messages.js';
import type { BuildRecord } from '../domain/record.js';
import { getWorkflowId, isOpen } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError } from './errors.js';
import { ProgressReader, type BuildProgress } from './follow.js';
import { runReadWorkflow } from './run-workflow.js';

/**
 * The record of an image in the worker's store: a flat object with the key names of the original imagefactory (Python).
 * In a list of several images `template`, `icicle`, `parameters` and `package_details` are unset. Records that another
 * version has written may lack more keys.
 */
export type ImageRecord = Partial<BuildRecord> & Pick<BuildRecord, 'identifier'>;

/** How many records one request reads. */
const PAGE = 200;
/** Seconds that a worker may take to read its store. */
const READ_TIMEOUT = 60;
const UNFINISHED = new Set(['NEW', 'PENDING', 'BUILDING', 'HELD']);

/**
 * Finds images by their records, newest first. The record of a running build shows the build's present state.
 *
 * @param spec keys of the record and the values that they must equal; empty: every image
 * @returns the matching records; if there are several, they lack `template`, `icicle`, `parameters` and
 *   `package_details`
 *
 * @example
 * const complete = await findImages(client, { status: 'COMPLETE' });
 *
 * @throws NoWorkerError when no worker can read the store
 */
export async function findImages(
  client: ImageFactoryClient,
  spec: Readonly<Record<string, unknown>> = {},
): Promise<ImageRecord[]> {
  // The status in a stored record may be out of date while the build runs. So we first update the records, and then
  // compare their status here.
  const { status, ...stored } = spec;
  const found: ImageRecord[] = [];
  for (let total = 1; found.length < total;) {
    const page = await readRecords(client, { spec: stored, offset: found.length, limit: PAGE });
    total = page.records.length === 0 ? 0 : page.total;
    found.push(...(page.records as ImageRecord[]));
  }
  const current = await Promise.all(found.map((record) => updateRecord(client, record)));
  const matching = status === undefined ? current : current.filter((record) => record.status === status);
  const [only, ...others] = matching;
  if (only === undefined || others.length > 0) return matching;
  const whole = await findImage(client, only.identifier);
  return whole === undefined ? matching : [whole];
}

/**
 * Finds one image by its UUID, with its whole record. Returns undefined when the store has no such image.
 *
 * @throws NoWorkerError when no worker can read the store
 */
export async function findImage(client: ImageFactoryClient, uuid: string): Promise<ImageRecord | undefined> {
  const { records } = await readRecords(client, { spec: { identifier: uuid }, full: true, limit: 1 });
  const [record] = records as ImageRecord[];
  return record === undefined ? undefined : updateRecord(client, record);
}

/**
 * Finds the record of a build that Temporal has forgotten. Temporal keeps an ended build only for the namespace's
 * retention period, but the store keeps its record.
 *
 * @param error the error that a request for the build has thrown
 * @throws `error` itself when it is not a BuildNotFoundError, or when the store has no record of the build
 */
export async function findForgottenBuild(
  client: ImageFactoryClient,
  uuid: string,
  error: unknown,
): Promise<ImageRecord> {
  if (!(error instanceof BuildNotFoundError)) throw error;
  const image = await findImage(client, uuid).catch(() => undefined);
  if (image === undefined) throw error;
  return image;
}

function readRecords(client: ImageFactoryClient, input: ReadRecordsInput): Promise<ReadRecordsResult> {
  return runReadWorkflow<ReadRecordsResult>(client, 'records', {
    type: WORKFLOWS.readRecords,
    input,
    summary: 'read records from the store',
    seconds: READ_TIMEOUT,
  });
}

/** Updates the record of an unfinished build with the present progress of the build. */
async function updateRecord(client: ImageFactoryClient, record: ImageRecord): Promise<ImageRecord> {
  if (!UNFINISHED.has(String(record.status))) return record;
  const uuid = record.identifier;
  try {
    return addProgress(record, await new ProgressReader(client, uuid).read());
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const reason = `Temporal no longer has the workflow ${record.workflow_id ?? getWorkflowId(uuid)}, so the build cannot continue`;
    return { ...record, status: 'FAILED', status_detail: { activity: '', error: reason } };
  }
}

/** Adds the progress of a build to its record. */
export function addProgress(record: ImageRecord, progress: BuildProgress): ImageRecord {
  const { status, execution, activities } = progress;
  const hasEnded = !isOpen(execution);
  if (status === undefined) return hasEnded ? { ...record, status: 'FAILED' } : record;
  const step = status.steps.filter(({ state }) => state === 'running').at(-1) ?? status.steps.at(-1);
  const message = activities.find((activity) => activity.progress !== undefined)?.progress?.message;
  const activity = [step?.title, message].filter((part) => part !== undefined).join(': ');
  const state = hasEnded && UNFINISHED.has(status.status) ? 'FAILED' : status.status;
  const error =
    status.failure?.message ?? (state === 'FAILED' ? `the workflow of the build ended: ${execution}` : null);
  return { ...record, status: state, percent_complete: status.percent, status_detail: { activity, error } };
}
