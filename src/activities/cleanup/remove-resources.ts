import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { buildTag, KEYS, resourceName, type BuildRef } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { completedResult } from '../shared/completed-build.js';
import { type Deps, reportProgress, readHeartbeatCheckpoint, cancellationSignal, sleep } from '../shared/context.js';
import { keepConsole } from '../shared/logs.js';
import { deleteKeys } from '../instance/ssh-keys.js';
import { listOwnImages } from '../images/own-image.js';
import { isGone } from '../instance/servers.js';
import { listOwnVolumes } from '../instance/volumes.js';

export interface RemoveResourcesInput {
  ref: BuildRef;
  /** Ids of the images that must stay, because they are the result of the build. */
  keepImages: string[];
  /** Whether the build may have created volumes. If false, the clean-up does not look for volumes. Default true. */
  volumes?: boolean;
}

/** A resource in the cloud that has the build's mark. */
interface Found {
  what: string;
  remove: () => Promise<void>;
}

export interface CleanupReport {
  removed: string[];
  /** The resources that still exist, each with the reason, such as the error message of the cloud. */
  leftovers: string[];
}

/** Maximum number of rounds. We report a resource that still exists after these rounds as left over. */
const ROUNDS = 60;

/**
 * Number of rounds at the end of the clean-up in which we also remove the resources that an instance uses, although the
 * instance still exists. The first of these rounds removes the resources; the second one finds the resources that still
 * exist.
 */
const LAST_ROUNDS = 2;

/**
 * Part of the time of a try (1 is the whole time) after which the last rounds begin, even if few rounds have run. A
 * limit on the number of rounds alone is not enough, because each call to a cloud that hangs takes long.
 */
const LAST_FROM = 0.5;

/** Part of the time of a try (1 is the whole time) after which we remove nothing more. */
const STOP_FROM = 0.9;

/** The reason that we report for a resource when there was no time left to remove it. */
const NO_TIME_LEFT = 'there was no time left to remove it';

/**
 * The reason that we report for a resource that still exists although the cloud has accepted to remove it: a service
 * behind the API is down or has failed.
 */
const STILL_THERE = 'the cloud has accepted the request to remove it, but it still exists';

/**
 * Removes every resource in the cloud that has the build's mark. Ends only when two rounds in a row have found no
 * resource, because a resource that the cloud is still creating may be missing in the first lists. Removes the
 * instances first, because they use the other resources.
 */
export async function removeResources(deps: Deps, input: RemoveResourcesInput): Promise<CleanupReport> {
  // The resources whose removal an earlier try has begun, and may have completed.
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
 * Starts the clock of this try, and returns a function that tells whether a share of the time of the try has passed.
 * This time is the start-to-close timeout, or the rest of the schedule-to-close timeout if that is shorter.
 */
function startAttemptClock(): (share: number) => boolean {
  const { info } = Context.current();
  const used = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  const time = Math.min(info.startToCloseTimeoutMs, info.scheduleToCloseTimeoutMs - used);
  const began = Date.now();
  return (share) => Date.now() - began >= time * share;
}

/** Requests the removal of a resource. Returns the error message; undefined when the cloud has accepted the request. */
function tryToRemove(remove: Found['remove']): Promise<string | undefined> {
  return remove().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/**
 * Throws when another run of the build has started: a build that was reset or resumed during its clean-up creates
 * resources with the same mark. Temporal stops this activity only at its next heartbeat, which may be too late. So this
 * function asks Temporal before each round.
 * @throws FactoryError Conflict
 */
async function stopUnlessCurrent(deps: Deps): Promise<void> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? {};
  if (workflowId === undefined) return;
  const current = await deps.temporal.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => undefined);
  if (current === undefined || current.runId === runId) return;
  throw new FactoryError(
    'Conflict',
    'the clean-up stops, because another run of this build has started and uses the same resources',
  );
}

/**
 * Finds the resources to remove. Returns only the instances while one exists, because it may use the other resources.
 * @param withServers whether to return all resources even though instances still exist
 */
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
    .map(({ id, name }) => ({
      what: `instance ${id}`,
      remove: async () => {
        // The console of an instance is lost with the instance.
        if (name === resourceName(ref, 'customise')) await keepConsole(deps, ref, id);
        await compute.deleteServer(id, { signal: cancellationSignal() });
      },
    }));
}

async function findFloatingIps(deps: Deps, ref: BuildRef): Promise<Found[]> {
  const { network } = deps.clouds.get(ref.cloud);
  // Searches by description, because the floating IP may have no tag: a second call sets the tag, and a crash may have
  // prevented this call.
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
  // Searches by name, because the group may have no tag: a second call sets the tag, and a crash may have prevented
  // this call.
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
  const query = { properties: { [KEYS.build]: ref.uuid } };
  const images = await listOwnImages(deps, ref.cloud, query, { signal: cancellationSignal() });
  // If the build was complete before it was reset, its base image must stay.
  const built = (await completedResult(deps, ref))?.glanceId;
  return images
    .filter(({ status }) => status !== 'deleted' && status !== 'pending_delete')
    .filter((found) => !keepImages.includes(found.id) && found.id !== built && !isWholeShared(found))
    .map(({ id }) => ({ what: `image ${id}`, remove: () => image.deleteImage(id, { signal: cancellationSignal() }) }));
}

/** Finds the volumes of a build. Includes volumes that Cinder is deleting, because the deletion may still fail. */
async function findVolumes(deps: Deps, { ref, volumes = true }: RemoveResourcesInput): Promise<Found[]> {
  const { volume } = deps.clouds.get(ref.cloud);
  if (!volumes || !(await volume.isAvailable({ signal: cancellationSignal() }))) return [];
  const query = { metadata: { [KEYS.build]: ref.uuid } };
  const own = await listOwnVolumes(deps, ref.cloud, query, { signal: cancellationSignal() });
  return own.map(({ id }) => ({
    what: `volume ${id}`,
    remove: () => volume.deleteVolume(id, { signal: cancellationSignal() }),
  }));
}

/** Whether an image is a complete JEOS or prepared image. Builds share it, and only the sweeper removes it. */
function isWholeShared(image: Image): boolean {
  const role = image[KEYS.role];
  return (role === 'jeos' || role === 'prepared') && image[KEYS[role]] !== undefined;
}
