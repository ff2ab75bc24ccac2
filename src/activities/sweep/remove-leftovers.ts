import { workflowIdFor } from '../../domain/image-kinds.js';
import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import type { FoundResource, Removal } from '../../domain/sweep.js';
import { withRetries } from '../shared/retry.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { describeImage } from './find-resources.js';
import { deleteKeys } from '../instance/ssh-keys.js';
import { isInstalling, workflowState } from '../shared/temporal-lookups.js';
import { isGone } from '../instance/servers.js';
import { removeSharedImage } from '../images/shared-images.js';
import { deleteGlanceImage } from '../images/delete-glance-image.js';

export interface RemoveLeftoversInput {
  cloud: string;
  removal: Removal;
}

/** The outcome of a removal. Each resource is written with its kind and its id. */
export interface RemovedLeftovers {
  removed: string[];
  /** Resources that stay, each with the reason, such as the message of the cloud. */
  failed: { resource: string; why: string }[];
}

/** Formats a resource for the result of {@link removeLeftovers}. */
function formatResource({ kind, id }: Pick<FoundResource, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/**
 * Removes leftovers by their ids, not by their mark, so that resources that a build has created since then stay. Before
 * each removal, checks again that none of the workflows is running.
 */
export async function removeLeftovers(deps: Deps, { cloud, removal }: RemoveLeftoversInput): Promise<RemovedLeftovers> {
  const report: RemovedLeftovers = { removed: [], failed: [] };
  for (const resource of removal.resources) {
    reportProgress({ message: `removing ${formatResource(resource)} (${resource.name})` });
    const running = await findRunningWorkflow(deps, removal.workflows);
    const why = running === undefined ? await tryToRemove(deps, cloud, resource) : `its build runs again: ${running}`;
    if (why === undefined) report.removed.push(formatResource(resource));
    else report.failed.push({ resource: formatResource(resource), why });
  }
  const { build } = removal;
  if (
    build !== undefined &&
    removal.workflows.includes(workflowIdFor('base_image', build)) &&
    report.failed.length === 0
  ) {
    await deleteKeys(deps, build);
  }
  return report;
}

async function findRunningWorkflow(deps: Deps, workflows: string[]): Promise<string | undefined> {
  for (const id of workflows) {
    if ((await workflowState(deps, id)) === 'running') return id;
  }
  return undefined;
}

/**
 * Removes a resource. Returns undefined when it is gone, else why it still exists. When all tries have failed with a
 * retryable error other than Conflict, throws this error, so that Temporal retries the activity.
 */
async function tryToRemove(deps: Deps, cloud: string, resource: FoundResource): Promise<string | undefined> {
  try {
    return await withRetries(deps, () => removeResource(deps, cloud, resource).catch(makeConflictRetryable));
  } catch (error) {
    if (!(error instanceof FactoryError) || (error.retryable && error.type !== 'Conflict')) throw error;
    return error.message;
  }
}

/**
 * Throws the error again. Makes a Conflict retryable: a resource may still be in use for a short time after its
 * instance was deleted.
 */
function makeConflictRetryable(error: unknown): never {
  if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
  throw new FactoryError('Conflict', error.message, { retryable: true, cause: error });
}

async function removeResource(deps: Deps, cloud: string, resource: FoundResource): Promise<string | undefined> {
  const { compute, network, volume } = deps.clouds.get(cloud);
  const options = { signal: cancellationSignal() };
  switch (resource.kind) {
    case 'instance':
      await compute.deleteServer(resource.id, options);
      return waitUntilGone(deps, 'Nova', async () => {
        const server = await compute.getServer(resource.id, options);
        return isGone(server) ? undefined : server?.status;
      });
    case 'image':
      return removeImage(deps, cloud, resource);
    case 'volume':
      await volume.deleteVolume(resource.id, options);
      return waitUntilGone(deps, 'Cinder', async () => {
        const status = (await volume.getVolume(resource.id, options))?.status;
        // The deletion has failed, but the status does not say why. So we send a second delete call, whose error
        // message gives the reason.
        if (status === 'error_deleting') await volume.deleteVolume(resource.id, options);
        return status;
      });
    case 'floating IP':
      await network.deleteFloatingIp(resource.id, options);
      return undefined;
    case 'port':
      await network.deletePort(resource.id, options);
      return undefined;
    case 'security group':
      await network.deleteSecurityGroup(resource.id, options);
      return undefined;
    case 'key pair':
      await compute.deleteKeyPair(resource.id, options);
      return undefined;
  }
}

/**
 * Milliseconds that we wait until a deleted resource is gone. After this time, we report that the resource still
 * exists.
 */
const GONE_WITHIN = 300_000;

/**
 * Waits until a deleted resource is gone. A service only accepts the delete call, and deletes the resource later. We
 * wait because an instance uses other resources, which we can remove only when the instance is gone.
 * @param statusNow reads the resource's status; undefined when it is gone
 * @returns why the resource still exists; undefined when it is gone
 */
async function waitUntilGone(
  deps: Deps,
  service: string,
  statusNow: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const deadline = Date.now() + GONE_WITHIN;
  for (;;) {
    const status = await statusNow();
    if (status === undefined) return undefined;
    if (Date.now() > deadline) return `${service} has accepted the delete call, but the status is still ${status}`;
    await sleep(deps.pollInterval);
  }
}

async function removeImage(deps: Deps, cloud: string, resource: FoundResource): Promise<string | undefined> {
  const image = await deps.clouds.get(cloud).image.getImage(resource.id, { signal: cancellationSignal() });
  if (image === undefined) {
    // An earlier try may have removed the image, and not the documents.
    await removeDocuments(deps, resource);
    return undefined;
  }
  const now = await describeImage(deps, image);
  if (now.result !== undefined) return now.result;
  // A change means that a build has claimed, completed or marked the image since we found it, so the image stays.
  if (now.used !== resource.used || now.shared !== resource.shared || now.expires !== resource.expires) {
    return 'has changed since it was found';
  }
  if ((resource.medium === 'unfinished' || resource.shared === 'media') && (await isInstalling(deps))) {
    return 'an installer’s run has begun, which may need this medium';
  }
  if (resource.shared !== undefined) {
    if (!(await removeSharedImage(deps, cloud, image, KEYS[resource.shared]))) {
      return 'a build has just chosen this image';
    }
    await removeDocuments(deps, resource);
    return undefined;
  }
  await deleteGlanceImage(deps, cloud, resource.id);
  return undefined;
}

/**
 * Removes the documents of a JEOS from the store, unless a run installs the JEOS anew. A build writes the documents
 * before it starts such a run, and again after it has started the run. So a run that starts after the last check finds
 * its documents too: the build writes them after the old ones were put aside.
 */
async function removeDocuments(deps: Deps, { documents, workflows }: FoundResource): Promise<void> {
  const areNeeded = async (): Promise<boolean> => (await findRunningWorkflow(deps, workflows)) !== undefined;
  if (documents === undefined || (await areNeeded())) return;
  await deps.store.deleteDocumentsUnless(documents, areNeeded);
}
