import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { WORKFLOWS, type DeleteImageInput, type DeleteImageResult } from '../domain/messages.js';
import { findWorkflowId, isOpen } from './builds.js';
import type { SealedCredentials } from '../domain/sealed-credentials.js';
import { sealCredentials } from './seal-credentials.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildStateError, PartlyDeletedError } from './errors.js';
import { findImages } from './images.js';
import { listDescendantsFirst } from './lineage.js';
import { runWorkflow } from './run-workflow.js';
import { callTemporal, toClientError } from './temporal-errors.js';
import { describeUser } from './user.js';

/** Seconds that a worker may take to delete an image. */
const DELETE_TIMEOUT = 600;
/** Memo of a deletion that names the user who gave the command. */
const DELETED_BY = 'deleted_by';

/** The deletion of an image. Temporal keeps it for the retention period of the namespace. */
export interface ImageDeletion {
  /** When the image was deleted: milliseconds since the epoch. */
  at: number;
  /** Who gave the command: `USER@HOST`. Unset when it is not known. */
  by?: string;
  /** Descriptions of what was removed. */
  removed: string[];
}

/** What the deletion of an image has removed. */
export interface DeletedImage extends DeleteImageResult {
  /** The images that were made from the image, and were deleted before it. Empty without the option `cascade`. */
  children: { uuid: string; removed: string[] }[];
}

/**
 * Deletes an image from Glance, and deletes its record, body and documents from the store. Safe to run twice: after a
 * crash, a second call deletes what is left.
 *
 * @param options `cascade`: first delete the images that were made from this one. Default false: an image from which
 *   others were made is not deleted. `credentials`: those for the provider of a provider image; default: the workers'
 *   own
 * @returns whether the image was found, and descriptions of what was removed
 * @throws BuildStateError while the image is being built, or an image that was made from it; then nothing is deleted
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` when the image has target images
 * @throws PartlyDeletedError when some of the images of a cascade were deleted, and then one could not be
 */
export async function deleteImage(
  client: ImageFactoryClient,
  uuid: string,
  { cascade = false, credentials }: { cascade?: boolean; credentials?: Readonly<Record<string, unknown>> } = {},
): Promise<DeletedImage> {
  const descendants = cascade ? listDescendantsFirst(await findImages(client), uuid) : [];
  // All are asked before the first is deleted, so that a command that is refused has deleted nothing.
  for (const id of [...descendants, uuid]) await refuseRunning(client, id, uuid);
  const children: DeletedImage['children'] = [];
  const deleteNext = async (id: string): Promise<DeleteImageResult> =>
    deleteOne(client, id, await sealCredentials(client, credentials)).catch((error: unknown) => {
      throw children.length === 0 ? error : new PartlyDeletedError(id, children, error);
    });
  for (const id of descendants) {
    const { removed } = await deleteNext(id);
    children.push({ uuid: id, removed });
  }
  return { ...(await deleteNext(uuid)), children };
}

/** @throws BuildStateError while the image is being built */
async function refuseRunning(client: ImageFactoryClient, uuid: string, deleted: string): Promise<void> {
  if (!(await isRunning(client, uuid))) return;
  const reason =
    uuid === deleted ? `image ${uuid} is being built` : `image ${uuid}, which is made from it, is being built`;
  throw new BuildStateError(deleted, reason, {
    hint: `wait for its end, or cancel the build first: imagefactory cancel ${uuid}`,
  });
}

async function deleteOne(
  client: ImageFactoryClient,
  uuid: string,
  credentials?: SealedCredentials,
): Promise<DeleteImageResult> {
  const input: DeleteImageInput = { uuid, ...(credentials === undefined ? {} : { credentials }) };
  return runWorkflow<DeleteImageResult>(client, {
    type: WORKFLOWS.deleteImage,
    input,
    workflowId: getDeletionId(uuid),
    summary: `remove image ${uuid} from Glance and from the store`,
    seconds: DELETE_TIMEOUT,
    memo: { [DELETED_BY]: describeUser() },
  });
}

async function isRunning(client: ImageFactoryClient, uuid: string): Promise<boolean> {
  try {
    const workflowId = await findWorkflowId(client, uuid);
    const { status } = await client.withTimeout(() => client.temporal.workflow.getHandle(workflowId).describe());
    return isOpen(status.name);
  } catch (error) {
    // Temporal has forgotten the build, which it does only some time after the end of a build. So the build does not
    // run, and its image can be deleted.
    if (error instanceof WorkflowNotFoundError) return false;
    throw toClientError(error);
  }
}

/** Returns the id of the workflow that deletes an image. */
function getDeletionId(uuid: string): string {
  return `delete-${uuid}`;
}

/**
 * Finds out when and by whom an image was deleted. Returns undefined when it was not deleted, or when Temporal has
 * forgotten the deletion.
 *
 * @param since ignores deletions before this time, in milliseconds since the epoch, because the image may have been
 *   built again
 * @throws ClientError when Temporal does not answer
 */
export async function findDeletion(
  client: ImageFactoryClient,
  uuid: string,
  since = 0,
): Promise<ImageDeletion | undefined> {
  const workflowId = getDeletionId(uuid);
  return callTemporal(async () => {
    const latest = client.temporal.workflow.getHandle(workflowId);
    const found = await readDeletion(client, latest);
    if (found === undefined) return undefined;
    if (found.deletion !== undefined) return found.deletion.at >= since ? found.deletion : undefined;
    // The latest run found nothing to delete: the image was deleted by an earlier run.
    for await (const { runId } of client.temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      const earlier = await readDeletion(client, client.temporal.workflow.getHandle(workflowId, runId));
      if (earlier?.deletion !== undefined && earlier.deletion.at >= since) return earlier.deletion;
    }
    return undefined;
  });
}

/** Reads a run that deletes an image. Returns undefined when there is no such run. */
async function readDeletion(
  client: ImageFactoryClient,
  handle: WorkflowHandle,
): Promise<{ deletion?: ImageDeletion } | undefined> {
  try {
    const { status, closeTime, memo } = await client.withTimeout(() => handle.describe());
    if (status.name !== 'COMPLETED' || closeTime === undefined) return {};
    const { found, removed } = (await client.withTimeout(() => handle.result())) as DeleteImageResult;
    if (!found && removed.length === 0) return {};
    const by = memo?.[DELETED_BY];
    return { deletion: { at: closeTime.getTime(), removed, ...(typeof by === 'string' ? { by } : {}) } };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
