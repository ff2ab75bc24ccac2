import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { buildTag, KEYS, resourceName, type BuildRef } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { completedResult } from '../shared/completed-build.js';
import { type Deps, reportProgress, readHeartbeatCheckpoint, cancellationSignal, sleep } from '../shared/context.js';
import { deleteKeys } from '../instance/ssh-keys.js';
import { isGone } from '../instance/servers.js';

export interface RemoveResourcesInput {
  ref: BuildRef;
  /** Ids of the images that are the build's result, which stay. */
  keepImages: string[];
  /** Whether the build may have created volumes. Default true. */
  volumes?: boolean;
}

/** A resource in the cloud that has the build's mark. */
interface Found {
  what: string;
  remove: () => Promise<void>;
}

export interface CleanupReport {
  removed: string[];
  /** What is still there, with the cloud's words. */
  leftovers: string[];
}

/** Rounds after which a resource that still exists is reported as left over. */
const ROUNDS = 60;

/**
 * Last rounds, in which resources that an instance holds are removed even though the instance still exists: one round
 * to remove them, one to see what is left.
 */
const LAST_ROUNDS = 2;

/**
 * Shares of a try's time after which the last rounds begin, and after which nothing more is removed: a cloud may hang
 * instead of refusing.
 */
const LAST_FROM = 0.5;

const STOP_FROM = 0.9;

/** Reason for a resource that it was too late to remove. */
const NO_TIME_LEFT = 'there was no time left to remove it';

/**
 * Reason for a resource whose removal the cloud has accepted each time: a service behind its API is down or has failed.
 */
const STILL_THERE = 'the cloud has accepted to remove it, but it is still there';

/**
 * Removes every resource in the cloud that has the build's mark, and looks again until there is none: a resource whose
 * creation was still under way appears late. Servers come first, because they hold the others.
 */
export async function removeResources(deps: Deps, input: RemoveResourcesInput): Promise<CleanupReport> {
  // Resources that an earlier try has begun to remove, and may have removed.
  const begun = new Set(readHeartbeatCheckpoint<string[]>());
  let left = new Map<string, string>();
  const isPast = startAttemptClock();
  for (let round = 1, clean = 0, last = LAST_ROUNDS; last > 0 && clean < 2; round++) {
    await stopUnlessCurrent(deps);
    const isLast = round > ROUNDS - LAST_ROUNDS || isPast(LAST_FROM);
    if (isLast) last--;
    const found = await findAll(deps, input, isLast);
    clean = found.length === 0 ? clean + 1 : 0;
    const [before, now] = [left, new Map<string, string>()];
    for (const { what, remove } of found) {
      if (isPast(STOP_FROM)) now.set(what, before.get(what) ?? NO_TIME_LEFT);
      else {
        reportProgress({ message: `removing ${what}`, resume: [...begun.add(what)] });
        now.set(what, (await tryToRemove(remove)) ?? STILL_THERE);
      }
    }
    left = now;
    if (found.length > 0) await sleep(deps.pollInterval);
  }
  await deleteKeys(deps, input.ref.uuid);
  const removed = [...begun].filter((what) => !left.has(what));
  return { removed, leftovers: [...left].map(([what, why]) => `${what}: ${why}`) };
}

/**
 * Returns a function that tells whether a share of this try's time has passed. The time is that of one try, or what
 * earlier tries have left of the time of all.
 */
function startAttemptClock(): (share: number) => boolean {
  const { info } = Context.current();
  const used = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  const time = Math.min(info.startToCloseTimeoutMs, info.scheduleToCloseTimeoutMs - used);
  const began = Date.now();
  return (share) => Date.now() - began >= time * share;
}

/** Returns why the resource cannot be removed; undefined when the cloud has accepted the request. */
function tryToRemove(remove: Found['remove']): Promise<string | undefined> {
  return remove().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/**
 * Stops when another run of the build has started: a build that was reset or resumed during its clean-up creates
 * resources with the same mark. Temporal tells this activity only at its next heartbeat.
 */
async function stopUnlessCurrent(deps: Deps): Promise<void> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? {};
  if (workflowId === undefined) return;
  const current = await deps.temporal.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => undefined);
  if (current === undefined || current.runId === runId) return;
  throw new FactoryError('Conflict', 'another run of this build has taken over its resources');
}

/** @param withServers whether the other resources are listed even while instances still exist, which may hold them */
async function findAll(deps: Deps, input: RemoveResourcesInput, withServers: boolean): Promise<Found[]> {
  const servers = await findServers(deps, input.ref);
  if (servers.length > 0 && !withServers) return servers;
  const groups = await Promise.all([
    findFloatingIps(deps, input.ref),
    findSecurityGroups(deps, input.ref),
    findKeyPair(deps, input.ref),
    findImages(deps, input),
    findVolumes(deps, input),
  ]);
  return [servers, ...groups].flat();
}

async function findServers(deps: Deps, ref: BuildRef): Promise<Found[]> {
  const { compute } = deps.clouds.get(ref.cloud);
  const servers = await compute.listServers({ tags: [buildTag(ref.uuid)] }, { signal: cancellationSignal() });
  return servers
    .filter((server) => !isGone(server))
    .map(({ id }) => ({
      what: `instance ${id}`,
      remove: () => compute.deleteServer(id, { signal: cancellationSignal() }),
    }));
}

async function findFloatingIps(deps: Deps, ref: BuildRef): Promise<Found[]> {
  const { network } = deps.clouds.get(ref.cloud);
  // By description, because a crash may have prevented the second call that sets the tag.
  const own = await network.listFloatingIps(
    { description: resourceName(ref, 'address') },
    { signal: cancellationSignal() },
  );
  return own.map(({ id, floating_ip_address: address }) => ({
    what: `floating IP ${address}`,
    remove: () => network.deleteFloatingIp(id, { signal: cancellationSignal() }),
  }));
}

async function findSecurityGroups(deps: Deps, ref: BuildRef): Promise<Found[]> {
  const { network } = deps.clouds.get(ref.cloud);
  // By name, because a crash may have prevented the second call that sets the tag.
  const groups = await network.listSecurityGroups(
    { name: resourceName(ref, 'guest') },
    { signal: cancellationSignal() },
  );
  return groups.map(({ id }) => ({
    what: `security group ${id}`,
    remove: () => network.deleteSecurityGroup(id, { signal: cancellationSignal() }),
  }));
}

async function findKeyPair(deps: Deps, ref: BuildRef): Promise<Found[]> {
  const { compute } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, 'key');
  const pair = await compute.getKeyPair(name, { signal: cancellationSignal() });
  return pair === undefined
    ? []
    : [{ what: `key pair ${name}`, remove: () => compute.deleteKeyPair(name, { signal: cancellationSignal() }) }];
}

async function findImages(deps: Deps, { ref, keepImages }: RemoveResourcesInput): Promise<Found[]> {
  const { image } = deps.clouds.get(ref.cloud);
  const images = await image.listImages({ properties: { [KEYS.build]: ref.uuid } }, { signal: cancellationSignal() });
  // The result of a build that had completed before it was reset.
  const built = (await completedResult(deps, ref))?.glanceId;
  return images
    .filter(({ status }) => status !== 'deleted' && status !== 'pending_delete')
    .filter((found) => !keepImages.includes(found.id) && found.id !== built && !isWholeJeos(found))
    .map(({ id }) => ({ what: `image ${id}`, remove: () => image.deleteImage(id, { signal: cancellationSignal() }) }));
}

/** A volume that is being deleted still counts: it disappears, or returns with an error. */
async function findVolumes(deps: Deps, { ref, volumes = true }: RemoveResourcesInput): Promise<Found[]> {
  const { volume } = deps.clouds.get(ref.cloud);
  if (!volumes || !(await volume.isAvailable({ signal: cancellationSignal() }))) return [];
  const own = await volume.listVolumes({ metadata: { [KEYS.build]: ref.uuid } }, { signal: cancellationSignal() });
  return own.map(({ id }) => ({
    what: `volume ${id}`,
    remove: () => volume.deleteVolume(id, { signal: cancellationSignal() }),
  }));
}

/** Whether an image is a complete JEOS. It belongs to all builds; only the sweeper removes it. */
function isWholeJeos(image: Image): boolean {
  return image[KEYS.role] === 'jeos' && image[KEYS.jeos] !== undefined;
}
