import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { buildTag, KEYS, resourceName, type BuildRef } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { completedResult } from '../shared/completed-build.js';
import { type Deps, reportProgress, readHeartbeatCheckpoint, cancellationSignal, sleep } from '../shared/context.js';
import { deleteKeys } from '../instance/ssh-keys.js';
import { isGone } from '../instance/servers.js';
import type { CleanupReport } from '../shared/types.js';

export interface RemoveResources {
  ref: BuildRef;
  /** Ids of images that are the result. */
  keepImages: string[];
  /** Whether the build may have made volumes. Default true. */
  volumes?: boolean;
}

/** One thing in the cloud that carries the build's mark. */
interface Found {
  what: string;
  remove: () => Promise<void>;
}

/** How many rounds are made before what is still there is reported as left over. */
const ROUNDS = 60;
/** Rounds at the end in which what an instance holds that does not go is tried nevertheless: one to remove it, one to see what is left. */
const LAST = 2;
/** Which share of a try's time may be over when those rounds begin, and when nothing more is removed: a cloud may hang instead of refusing. */
const LAST_FROM = 0.5;
const STOP_FROM = 0.9;
/** Why something is left that was not even tried. */
const NO_TIME = 'there was no time left to remove it';
/** Why something is left that the cloud has never refused to remove: a service behind its API is down, or has failed at it. */
const STILL_THERE = 'the cloud has accepted to remove it, but it is still there';

/**
 * Removes everything in the cloud that carries the build's mark, and looks again until nothing does: a thing whose
 * creation was still under way appears late. Servers go first, because they hold the others.
 */
export async function removeResources(deps: Deps, input: RemoveResources): Promise<CleanupReport> {
  // What an earlier try has begun to remove, and perhaps removed.
  const begun = new Set(readHeartbeatCheckpoint<string[]>());
  let left = new Map<string, string>();
  const isPast = shareOfTime();
  for (let round = 1, clean = 0, last = LAST; last > 0 && clean < 2; round++) {
    await stopUnlessCurrent(deps);
    const isLast = round > ROUNDS - LAST || isPast(LAST_FROM);
    if (isLast) last--;
    const found = await findAll(deps, input, isLast);
    clean = found.length === 0 ? clean + 1 : 0;
    const [before, now] = [left, new Map<string, string>()];
    for (const { what, remove } of found) {
      if (isPast(STOP_FROM)) now.set(what, before.get(what) ?? NO_TIME);
      else {
        reportProgress({ message: `removing ${what}`, resume: [...begun.add(what)] });
        now.set(what, (await refusal(remove)) ?? STILL_THERE);
      }
    }
    left = now;
    if (found.length > 0) await sleep(deps.pollInterval);
  }
  await deleteKeys(deps, input.ref.uuid);
  const removed = [...begun].filter((what) => !left.has(what));
  return { removed, leftovers: [...left].map(([what, why]) => `${what}: ${why}`) };
}

/** Tells whether a share of the time is past that this try has: its own, or what earlier ones have left of all tries'. */
function shareOfTime(): (share: number) => boolean {
  const { info } = Context.current();
  const used = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  const time = Math.min(info.startToCloseTimeoutMs, info.scheduleToCloseTimeoutMs - used);
  const began = Date.now();
  return (share) => Date.now() - began >= time * share;
}

/** Why it cannot be removed; undefined when the cloud has accepted to. */
function refusal(remove: Found['remove']): Promise<string | undefined> {
  return remove().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/**
 * A build that was reset or resumed while it cleaned up has a new run, and that makes things under the same mark. Temporal tells
 * this activity only with its next heartbeat.
 */
async function stopUnlessCurrent(deps: Deps): Promise<void> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? {};
  if (workflowId === undefined) return;
  const current = await deps.temporal.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => undefined);
  if (current === undefined || current.runId === runId) return;
  throw new FactoryError('Conflict', 'another run of this build has taken over, and what it made with it');
}

/** @param withServers whether the rest is looked for as well while instances are still there, which may hold it */
async function findAll(deps: Deps, input: RemoveResources, withServers: boolean): Promise<Found[]> {
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
  // By description, for the reason for which groups are found by name.
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
  // By name, because the tag is set by a second call that a crash may have prevented.
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

async function findImages(deps: Deps, { ref, keepImages }: RemoveResources): Promise<Found[]> {
  const { image } = deps.clouds.get(ref.cloud);
  const images = await image.listImages({ properties: { [KEYS.build]: ref.uuid } }, { signal: cancellationSignal() });
  // The image of a build that had completed before it was reset.
  const built = (await completedResult(deps, ref))?.glanceId;
  return images
    .filter(({ status }) => status !== 'deleted' && status !== 'pending_delete')
    .filter((found) => !keepImages.includes(found.id) && found.id !== built && !isWholeJeos(found))
    .map(({ id }) => ({ what: `image ${id}`, remove: () => image.deleteImage(id, { signal: cancellationSignal() }) }));
}

/** A volume that is being deleted is there until it has gone, or comes back with an error. */
async function findVolumes(deps: Deps, { ref, volumes = true }: RemoveResources): Promise<Found[]> {
  const { volume } = deps.clouds.get(ref.cloud);
  if (!volumes || !(await volume.isAvailable({ signal: cancellationSignal() }))) return [];
  const own = await volume.listVolumes({ metadata: { [KEYS.build]: ref.uuid } }, { signal: cancellationSignal() });
  return own.map(({ id }) => ({
    what: `volume ${id}`,
    remove: () => volume.deleteVolume(id, { signal: cancellationSignal() }),
  }));
}

/** A JEOS that is whole belongs to every build; only the sweeper removes one. */
function isWholeJeos(image: Image): boolean {
  return image[KEYS.role] === 'jeos' && image[KEYS.jeos] !== undefined;
}

/** Removes one image, whoever made it. */
export async function deleteGlanceImage(deps: Deps, cloud: string, imageId: string): Promise<boolean> {
  const { image } = deps.clouds.get(cloud);
  if ((await image.getImage(imageId, { signal: cancellationSignal() })) === undefined) return false;
  try {
    await image.deleteImage(imageId, { signal: cancellationSignal() });
  } catch (error) {
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
  }
  return true;
}
