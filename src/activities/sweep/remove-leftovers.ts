import { workflowIdFor } from '../../domain/image-kinds.js';
import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import type { FoundResource, Removal } from '../../domain/sweep-rules.js';
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

/** The outcome of the removals, by kind and id. */
export interface RemovedLeftovers {
  removed: string[];
  /** Resources that stay, with the reason: the cloud's message, or that their build runs again. */
  failed: { resource: string; why: string }[];
}

/** Formats a resource for the result of {@link removeLeftovers}. */
function formatResource({ kind, id }: Pick<FoundResource, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/**
 * Removes leftovers, by their ids and not by their mark, so that resources that a build has created since stay. Asks
 * Temporal again before each of them.
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
 * Returns why a resource still exists, or undefined when it is gone. An error that lasts longer is left to the
 * activity's next try.
 */
async function tryToRemove(deps: Deps, cloud: string, resource: FoundResource): Promise<string | undefined> {
  try {
    return await withRetries(deps, () => removeResource(deps, cloud, resource).catch(makeConflictRetryable));
  } catch (error) {
    if (!(error instanceof FactoryError) || (error.retryable && error.type !== 'Conflict')) throw error;
    return error.message;
  }
}

/** An instance that was just deleted holds its resources a little longer. */
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
        // The second delete fails with the reason.
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

/** Milliseconds after which a resource that still exists is reported. */
const GONE_WITHIN = 300_000;

/**
 * Waits until a resource is gone: an instance holds the resources that are removed after it, and its service only
 * accepts a delete before it carries it out.
 * @param statusNow reads the resource's status; undefined when it is gone
 * @returns why it still exists
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
    if (Date.now() > deadline) return `${service} has accepted to delete it, but it is still ${status}`;
    await sleep(deps.pollInterval);
  }
}

async function removeImage(deps: Deps, cloud: string, resource: FoundResource): Promise<string | undefined> {
  const image = await deps.clouds.get(cloud).image.getImage(resource.id, { signal: cancellationSignal() });
  if (image === undefined) return undefined;
  const now = await describeImage(deps, image);
  if (now.result !== undefined) return now.result;
  // A build has claimed, completed or marked it since.
  if (now.used !== resource.used || now.shared !== resource.shared || now.expires !== resource.expires) {
    return 'has changed since it was found';
  }
  if ((resource.medium === 'unfinished' || resource.shared === 'media') && (await isInstalling(deps))) {
    return 'an installer’s run has begun, which may need it';
  }
  if (resource.shared !== undefined) {
    return (await removeSharedImage(deps, cloud, image, KEYS[resource.shared]))
      ? undefined
      : 'a build has just chosen it';
  }
  await deleteGlanceImage(deps, cloud, resource.id);
  return undefined;
}
