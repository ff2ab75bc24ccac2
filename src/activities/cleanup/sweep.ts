import { baseImageWorkflowId } from '../../domain/base-image-input.js';
import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import { decideSweep, type FoundResource, type WorkflowState, type Removal, type SweepFacts, type SweepLimits, type SweepPlan } from '../../domain/sweep-rules.js'; // prettier-ignore
import { deleteGlanceImage } from './remove-resources.js';
import { withRetries } from '../shared/retry.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { findResources, describeImage } from './find-resources.js';
import { deleteKeys } from '../instance/ssh-keys.js';
import { findHeldJeosImages, isInstalling, workflowState, readRetention } from '../shared/temporal-lookups.js';
import { isGone } from '../instance/servers.js';
import { removeShared } from '../images/shared-images.js';

/** How many builds' things a run removes, so that its history stays short; the next run goes on. */
const MOST_REMOVALS = 300;
/** How many of the things that stay are named. */
const MOST_NAMED = 1000;

/** A plan as it enters the history. */
export interface BoundedPlan extends SweepPlan {
  /** How many things stay that `kept` does not name. */
  unnamed: number;
  /** How many removals are left to the next run. */
  postponed: number;
}

export interface PlanSweep {
  cloud: string;
  limits: SweepLimits;
}

/** Finds everything of ours in a cloud's project, asks Temporal whose it is, and says what goes and what stays. */
export async function planSweep(deps: Deps, input: PlanSweep): Promise<BoundedPlan> {
  const { removals, kept } = await computeSweepPlan(deps, input);
  return {
    removals: removals.slice(0, MOST_REMOVALS),
    kept: kept.slice(0, MOST_NAMED),
    unnamed: Math.max(0, kept.length - MOST_NAMED),
    postponed: Math.max(0, removals.length - MOST_REMOVALS),
  };
}

async function computeSweepPlan(deps: Deps, { cloud, limits }: PlanSweep): Promise<SweepPlan> {
  // The time comes first: what is made from now on is younger than any limit.
  const now = Date.now();
  const lives = new Map<string, WorkflowState>();
  for (const id of new Set((await findResources(deps, cloud)).found.flatMap((thing) => thing.workflows))) {
    reportProgress({ message: `asking Temporal about ${id}` });
    lives.set(id, await workflowState(deps, id));
  }
  const installing = await isInstalling(deps);
  // Looked at again, because only what a build has after its end is what it has left: until then it may still turn a
  // snapshot into a base image. What has come since belongs to workflows that were not asked about, and stays.
  const { found, referred } = await findResources(deps, cloud);
  const facts: SweepFacts = {
    now,
    limits,
    workflowStates: lives,
    inUse: referred,
    installing,
    retention: await readRetention(deps),
  };
  const plan = decideSweep(found, facts);
  if (!plan.removals.some(({ things }) => things.some(({ shared }) => shared === 'jeos'))) return plan;
  const held = await findHeldJeosImages(deps);
  return decideSweep(found, { ...facts, inUse: typeof held === 'string' ? held : new Set([...held, ...referred]) });
}

export interface RemoveLeftovers {
  cloud: string;
  removal: Removal;
}

/** What became of things that were to go, by kind and id. */
export interface RemovedLeftovers {
  removed: string[];
  /** With the reason: the cloud's words, or that their build lives again. */
  failed: { thing: string; why: string }[];
}

/** How a thing is named in what {@link removeLeftovers} answers. */
export function formatLabel({ kind, id }: Pick<FoundResource, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/**
 * Removes things that were found to be nobody's: by their ids and not by their mark, so that what a build has made since
 * is not touched. Temporal is asked again before each of them.
 */
export async function removeLeftovers(deps: Deps, { cloud, removal }: RemoveLeftovers): Promise<RemovedLeftovers> {
  const report: RemovedLeftovers = { removed: [], failed: [] };
  for (const thing of removal.things) {
    reportProgress({ message: `removing ${formatLabel(thing)} (${thing.name})` });
    const living = await livingAmong(deps, removal.workflows);
    const why = living === undefined ? await tryToRemove(deps, cloud, thing) : `its build lives again: ${living}`;
    if (why === undefined) report.removed.push(formatLabel(thing));
    else report.failed.push({ thing: formatLabel(thing), why });
  }
  const { build } = removal;
  if (build !== undefined && removal.workflows.includes(baseImageWorkflowId(build)) && report.failed.length === 0) {
    await deleteKeys(deps, build);
  }
  return report;
}

async function livingAmong(deps: Deps, workflows: string[]): Promise<string | undefined> {
  for (const id of workflows) {
    if ((await workflowState(deps, id)) === 'living') return id;
  }
  return undefined;
}

/** Why a thing is still there, or undefined when it is gone. What lasts longer is left to the activity's next try. */
async function tryToRemove(deps: Deps, cloud: string, thing: FoundResource): Promise<string | undefined> {
  try {
    return await withRetries(deps, () => remove(deps, cloud, thing).catch(passing));
  } catch (error) {
    if (!(error instanceof FactoryError) || (error.retryable && error.type !== 'Conflict')) throw error;
    return error.message;
  }
}

/** What was held by an instance is held for a moment longer. */
function passing(error: unknown): never {
  if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
  throw new FactoryError('Conflict', error.message, { retryable: true, cause: error });
}

async function remove(deps: Deps, cloud: string, thing: FoundResource): Promise<string | undefined> {
  const { compute, network, volume } = deps.clouds.get(cloud);
  const options = { signal: cancellationSignal() };
  switch (thing.kind) {
    case 'instance':
      await compute.deleteServer(thing.id, options);
      return untilGone(deps, 'Nova', async () => {
        const server = await compute.getServer(thing.id, options);
        return isGone(server) ? undefined : server?.status;
      });
    case 'image':
      return removeImage(deps, cloud, thing);
    case 'volume':
      await volume.deleteVolume(thing.id, options);
      return untilGone(deps, 'Cinder', async () => {
        const status = (await volume.getVolume(thing.id, options))?.status;
        // It says why it cannot.
        if (status === 'error_deleting') await volume.deleteVolume(thing.id, options);
        return status;
      });
    case 'floating IP':
      await network.deleteFloatingIp(thing.id, options);
      return undefined;
    case 'port':
      await network.deletePort(thing.id, options);
      return undefined;
    case 'security group':
      await network.deleteSecurityGroup(thing.id, options);
      return undefined;
    case 'key pair':
      await compute.deleteKeyPair(thing.id, options);
      return undefined;
  }
}

/** Milliseconds that a thing may take to go. */
const GONE_WITHIN = 300_000;

/**
 * Waits until it is gone: an instance holds what comes after it, and neither is gone when its service has accepted to delete it.
 * @param statusNow of the thing; undefined when it is gone
 * @returns why it is still there
 */
async function untilGone(
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

async function removeImage(deps: Deps, cloud: string, thing: FoundResource): Promise<string | undefined> {
  const image = await deps.clouds.get(cloud).image.getImage(thing.id, { signal: cancellationSignal() });
  if (image === undefined) return undefined;
  const now = await describeImage(deps, image);
  if (now.result !== undefined) return now.result;
  // Somebody has chosen, finished or marked it since.
  if (now.used !== thing.used || now.shared !== thing.shared || now.expires !== thing.expires) {
    return 'has changed since it was found';
  }
  if ((thing.medium === 'unfinished' || thing.shared === 'media') && (await isInstalling(deps))) {
    return 'an installer’s run has begun, which may need it';
  }
  if (thing.shared !== undefined) {
    return (await removeShared(deps, cloud, image, KEYS[thing.shared])) ? undefined : 'a build has just chosen it';
  }
  await deleteGlanceImage(deps, cloud, thing.id);
  return undefined;
}
