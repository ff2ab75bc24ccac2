import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { QUEUE_TURN_FINISHED_SIGNAL, QUEUE_SHORTAGE_SIGNAL } from '../../domain/messages.js';
import { marksOf, resourceName, tagsOf } from '../../domain/names.js';
import type { CreateServer, Server } from '../../openstack/types.js';
import { releaseAddress, reserveAddress } from './floating-ip.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { recoverLostReply } from '../shared/lost-reply.js';
import { recordInstance } from '../guest/guest-record.js';
import { joinCreateQueue, signalCreateQueue } from './create-queue.js';
import { deleteServer, isGone, isWithoutHost, serverFailed } from './servers.js';
import { retryWhileNoCapacity } from './capacity.js';
import { bootUserData } from './user-data.js';
import type { CreatedServer, CreateServerInput } from '../shared/types.js';
import { refuseUsedDisk, recordUsedDisk } from './used-disk.js';

/** Milliseconds for which a server is watched until a host is found for it; then the next step watches it. */
const SCHEDULING = 30_000;

/**
 * Creates a build's instance of a role, or finds the one that an earlier try created, with the floating IP that it needs, when
 * it is the build's turn in the project's line. Who is alone there tries until the cloud has room for both; who is not stands
 * in line again when the cloud is short of something, and keeps nothing back that others may need.
 */
export async function createServer(deps: Deps, input: CreateServerInput): Promise<CreatedServer> {
  const { ref, networkId, floatingIp = false, queue } = input;
  const root = ownDisk(input);
  const answer = await joinCreateQueue(deps, input, (await findOwnServer(deps, input)) !== undefined);
  if (answer?.state !== 'turn') return { position: answer };
  const deadline = Context.current().info.scheduledTimestampMs + queue.timeout * 1000;
  const made = await retryWhileNoCapacity(deps, { waits: answer.alone, deadline }, async () => {
    // First what waits at no cost for the other.
    if (floatingIp !== false) await reserveAddress(deps, { ref, networkId, floatingIp });
    const { serverId } = await ensureServer(deps, input);
    await hasHost(deps, input, serverId);
    if (root !== undefined) await recordUsedDisk(deps, ref, root);
    if (input.role === 'customise') await recordInstance(deps, ref.uuid, serverId, input.instanceDigest);
    return { serverId };
  });
  if (made.serverId !== undefined) {
    await signalCreateQueue(deps, input, QUEUE_TURN_FINISHED_SIGNAL, made.waited ? 'waited' : 'smooth');
    return { serverId: made.serverId, slot: answer.slot };
  }
  if (floatingIp !== false) await releaseAddress(deps, ref);
  await signalCreateQueue(deps, input, QUEUE_SHORTAGE_SIGNAL, made.short);
  return {};
}

/** @throws FactoryError ServerFailed, retryable, when no host has room; the server is gone then */
async function hasHost(deps: Deps, { ref }: CreateServerInput, serverId: string): Promise<void> {
  const { cloud, servers } = deps.watch(ref.cloud);
  const until = Date.now() + SCHEDULING;
  try {
    while (Date.now() < until) {
      const server =
        (await servers.next(serverId, cancellationSignal())) ??
        (await cloud.compute.getServer(serverId, { signal: cancellationSignal() }));
      // Whatever else may be wrong with it, the next step tells.
      if (server === undefined) return;
      if (server.status === 'ERROR') return await refuseWithoutHost(deps, ref.cloud, serverId);
      if (server.status !== 'BUILD' || server['OS-EXT-STS:task_state'] !== 'scheduling') return;
      reportProgress({ message: 'instance is BUILD (scheduling)' });
    }
  } finally {
    servers.stopWaiting(serverId);
  }
}

async function refuseWithoutHost(deps: Deps, cloud: string, serverId: string): Promise<void> {
  // A list may not have the reason yet.
  const server = await deps.clouds.get(cloud).compute.getServer(serverId, { signal: cancellationSignal() });
  if (server === undefined || !isWithoutHost(server)) return;
  const { message, hint } = await serverFailed(deps, cloud, server);
  await deleteServer(deps, { ref: { cloud }, serverId });
  throw new FactoryError('ServerFailed', message, { hint, retryable: true });
}

/**
 * The build's instance of a role. There is one at a time: one that is being deleted is waited for, and of two that tries made
 * that did not know of each other the older stays.
 */
export async function findOwnServer(
  deps: Deps,
  { ref, role }: Pick<CreateServerInput, 'ref' | 'role'>,
): Promise<Server | undefined> {
  const { compute } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, role);
  for (;;) {
    const listed = await compute.listServers({ name }, { signal: cancellationSignal() });
    const servers = listed.filter((server) => server.name === name && !isGone(server)).sort(byAge);
    if (servers.length === 0) return undefined;
    const [oldest, ...younger] = servers.filter((server) => server['OS-EXT-STS:task_state'] !== 'deleting');
    for (const { id } of younger) await compute.deleteServer(id, { signal: cancellationSignal() });
    if (oldest !== undefined) return oldest;
    reportProgress({ message: `instance ${servers[0]?.id} is being deleted` });
    await sleep(deps.pollInterval);
  }
}

function byAge(one: Server, other: Server): number {
  return one.created.localeCompare(other.created) || one.id.localeCompare(other.id);
}

/** A customised instance that is off has forgotten our key, or died: nothing can go on in it. */
function isOver({ status }: Server, { role }: CreateServerInput): boolean {
  return role === 'customise' && status === 'SHUTOFF';
}

/**
 * What an instance has for disks: a copy of its image, or its root volume, which comes first in the order of booting; then the first of its
 * CD-ROM drives, from which a disk that is still empty leaves the machine to boot.
 * https://docs.openstack.org/nova/latest/user/block-device-mapping.html
 */
function describeDisks({
  imageId,
  volumes,
}: CreateServerInput): Pick<CreateServer, 'imageRef' | 'block_device_mapping_v2'> {
  const { root, media = [] } = volumes ?? {};
  if (root === undefined && media.length === 0) return { imageRef: imageId };
  const volume = { source_type: 'volume', destination_type: 'volume', delete_on_termination: false } as const;
  const drives = media.map((uuid, index) => ({
    ...volume,
    uuid,
    boot_index: index === 0 ? 1 : -1,
    device_type: 'cdrom' as const,
  }));
  if (root !== undefined) return { block_device_mapping_v2: [{ ...volume, uuid: root, boot_index: 0 }, ...drives] };
  const local = { source_type: 'image', destination_type: 'local', delete_on_termination: true } as const;
  return { imageRef: imageId, block_device_mapping_v2: [{ ...local, uuid: imageId, boot_index: 0 }, ...drives] };
}

/** The volume that a customised instance has for its disk, where it has one. An installer may find on its disk what it likes. */
function ownDisk({ role, volumes }: CreateServerInput): string | undefined {
  return role === 'customise' ? volumes?.root : undefined;
}

async function ensureServer(deps: Deps, input: CreateServerInput): Promise<{ serverId: string }> {
  const { ref, role } = input;
  const existing = await findOwnServer(deps, input);
  if (existing !== undefined && isOver(existing, input)) {
    reportProgress({ message: `removing instance ${existing.id}, which is off` });
    await deleteServer(deps, { ref, serverId: existing.id });
  } else if (existing !== undefined) {
    reportProgress({ message: `found instance ${existing.id}, made by an earlier try` });
    return { serverId: existing.id };
  }
  const root = ownDisk(input);
  if (root !== undefined) await refuseUsedDisk(deps, ref, root);
  const { compute } = deps.clouds.get(ref.cloud);
  const details = await bootUserData(deps, input);
  try {
    const { id } = await compute.createServer(
      {
        name: resourceName(ref, role),
        ...describeDisks(input),
        flavorRef: input.flavorId,
        networks: [{ uuid: input.networkId }],
        metadata: marksOf(ref, role, deps.identity),
        tags: tagsOf(ref, role),
        ...(input.access === undefined
          ? {}
          : { key_name: input.access.keyName, security_groups: [{ name: input.access.securityGroupId }] }),
        ...details,
      },
      { signal: cancellationSignal() },
    );
    // Another try, of which Temporal has heard nothing more, may have made one in the same moment.
    return { serverId: (await findOwnServer(deps, input))?.id ?? id };
  } catch (error) {
    const made = await recoverLostReply(deps, error, () => findOwnServer(deps, input));
    if (made === undefined) throw error;
    return { serverId: made.id };
  }
}
