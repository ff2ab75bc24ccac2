import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { QUEUE_TURN_FINISHED_SIGNAL, QUEUE_SHORTAGE_SIGNAL } from '../../domain/messages.js';
import { marksOf, resourceName, tagsOf, type BuildRef, type ServerRole } from '../../domain/names.js';
import type { CreateServer, Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { watchServer } from '../shared/watch-resource.js';
import { recoverLostReply } from '../shared/lost-reply.js';
import { recordInstance } from './instance-record.js';
import { joinCreateQueue, signalCreateQueue, type QueueTicketInput } from './join-create-queue.js';
import { describeServer, hasNoValidHost, listBuildServers, serverFailedError } from './servers.js';
import { retryWhileNoCapacity } from './retry-while-no-capacity.js';
import { buildBootUserData } from './boot-user-data.js';
import { rejectUsedDisk, recordUsedDisk } from './used-disk.js';
import { releaseFloatingIp, reserveFloatingIp } from './floating-ip.js';
import { deleteServer } from './delete-server.js';
import type { QueuePosition } from '../../domain/create-queue.js';
import type { CreatedVolumes } from './create-volumes.js';
import type { SshAccess } from './create-ssh-access.js';

export interface CreateServerInput {
  ref: BuildRef;
  role: ServerRole;
  /** UUID under which the store keeps the build's documents. */
  documentsId: string;
  imageId: string;
  flavorId: string;
  networkId: string;
  /** The volumes that are the disks of the instance. Unset: its only disk is a local copy of the image. */
  volumes?: CreatedVolumes;
  access?: SshAccess;
  /** Whether to reserve a floating IP too. The values are those of `FloatingIpRequest.floatingIp`. Default: false. */
  floatingIp?: boolean | string;
  queue: QueueTicketInput;
  /** The plan's digest of everything from which a customised instance is made. Unset for an installer. */
  instanceDigest?: string;
}

/** The created instance; or no instance yet, because other builds have their turn first. */
export type CreatedServer =
  | {
      serverId: string;
      /**
       * Whether the build holds one of the slots that limit the concurrent builds of the cloud. It holds the slot until
       * it leaves the queue.
       */
      slot: boolean;
    }
  | {
      serverId?: undefined;
      /** The position in the queue. Undefined when the queue will signal the position to the build later. */
      position?: QueuePosition;
    };

/**
 * Milliseconds for which this step waits until Nova has found a host for a new server. After that, the next step
 * watches the server.
 */
const SCHEDULING = 30_000;

/**
 * Creates a build's instance of a role, with the floating IP that it needs, or finds the instance of an earlier try.
 * Does this only when it is the build's turn in the create queue of the project. In a shortage, a build that has the
 * only turn (`alone`) retries until the cloud has room for instance and floating IP. Any other build releases its
 * floating IP, which others may need, and returns to the queue.
 */
export async function createServer(deps: Deps, input: CreateServerInput): Promise<CreatedServer> {
  const { ref, networkId, floatingIp = false, queue } = input;
  const root = findCustomiseRootVolume(input);
  const answer = await joinCreateQueue(deps, input, (await findOwnServer(deps, input)) !== undefined);
  if (answer?.state !== 'turn') return { position: answer };
  const deadline = Context.current().info.scheduledTimestampMs + queue.timeout * 1000;
  const made = await retryWhileNoCapacity(deps, { waits: answer.alone, deadline }, async () => {
    // Reserve the floating IP first: it costs nothing while it waits for the instance.
    if (floatingIp !== false) await reserveFloatingIp(deps, { ref, networkId, floatingIp });
    const { serverId } = await ensureServer(deps, input);
    await waitForHost(deps, input, serverId);
    if (root !== undefined) await recordUsedDisk(deps, ref, root);
    if (input.role === 'customise') await recordInstance(deps, ref.uuid, serverId, input.instanceDigest);
    return { serverId };
  });
  if (made.serverId !== undefined) {
    await signalCreateQueue(deps, input, QUEUE_TURN_FINISHED_SIGNAL, made.waited ? 'waited' : 'smooth');
    return { serverId: made.serverId, slot: answer.slot };
  }
  if (floatingIp !== false) await releaseFloatingIp(deps, ref);
  await signalCreateQueue(deps, input, QUEUE_SHORTAGE_SIGNAL, made.short);
  return {};
}

/**
 * Waits until Nova has found a host for the server.
 * @throws FactoryError ServerFailed, retryable, when no host has room; then the server has been deleted
 */
async function waitForHost(deps: Deps, { ref }: CreateServerInput, serverId: string): Promise<void> {
  const until = Date.now() + SCHEDULING;
  const last = await watchServer(deps, ref.cloud, serverId, (server) => {
    const isScheduling = server?.status === 'BUILD' && server['OS-EXT-STS:task_state'] === 'scheduling';
    if (!isScheduling) return server?.status ?? 'gone';
    reportProgress({ message: describeServer(server) });
    return Date.now() < until ? undefined : server.status;
  });
  // Checks only whether no host had room. If the instance has failed for another reason, the next step reports it.
  if (last === 'ERROR') await rejectIfWithoutHost(deps, ref.cloud, serverId);
}

async function rejectIfWithoutHost(deps: Deps, cloud: string, serverId: string): Promise<void> {
  // Read the server itself, because the list may not show the fault of the server yet.
  const server = await deps.clouds.get(cloud).compute.getServer(serverId, { signal: cancellationSignal() });
  if (server === undefined || !hasNoValidHost(server)) return;
  const { message, hint } = await serverFailedError(deps, cloud, server);
  await deleteServer(deps, { ref: { cloud }, serverId });
  throw new FactoryError('ServerFailed', message, { hint, retryable: true });
}

/**
 * Finds the build's instance of a role. If every such instance is being deleted, waits until none is left. When
 * concurrent tries have created several instances, keeps the oldest and deletes the others.
 */
async function findOwnServer(
  deps: Deps,
  { ref, role }: Pick<CreateServerInput, 'ref' | 'role'>,
): Promise<Server | undefined> {
  const { compute } = deps.clouds.get(ref.cloud);
  for (;;) {
    const listed = await listBuildServers(deps, ref, role, { signal: cancellationSignal() });
    const servers = listed.sort(compareByAge);
    if (servers.length === 0) return undefined;
    const [oldest, ...younger] = servers.filter((server) => server['OS-EXT-STS:task_state'] !== 'deleting');
    for (const { id } of younger) await compute.deleteServer(id, { signal: cancellationSignal() });
    if (oldest !== undefined) return oldest;
    reportProgress({ message: `instance ${servers[0]?.id} is being deleted` });
    await sleep(deps.pollInterval);
  }
}

function compareByAge(one: Server, other: Server): number {
  return one.created.localeCompare(other.created) || one.id.localeCompare(other.id);
}

/**
 * Whether an instance is a customised instance that is off. The build cannot continue in such an instance: the build
 * has already removed its key from the guest, or the guest has crashed.
 */
function isUnusable({ status }: Server, { role }: CreateServerInput): boolean {
  return role === 'customise' && status === 'SHUTOFF';
}

/**
 * Builds the block devices of an instance: its root disk (a local copy of its image, or its root volume), which is
 * first in the boot order, then its CD-ROM drives. While the root disk is still empty, the machine boots from the first
 * drive.
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

/**
 * Returns the root volume of a customised instance, if it has one. Returns undefined for an installer, which may start
 * with any content on its disk.
 */
function findCustomiseRootVolume({ role, volumes }: CreateServerInput): string | undefined {
  return role === 'customise' ? volumes?.root : undefined;
}

async function ensureServer(deps: Deps, input: CreateServerInput): Promise<{ serverId: string }> {
  const { ref, role } = input;
  const existing = await findOwnServer(deps, input);
  if (existing !== undefined && isUnusable(existing, input)) {
    reportProgress({ message: `removing instance ${existing.id}, which is off` });
    await deleteServer(deps, { ref, serverId: existing.id });
  } else if (existing !== undefined) {
    reportProgress({ message: `found instance ${existing.id} of an earlier try` });
    return { serverId: existing.id };
  }
  const root = findCustomiseRootVolume(input);
  if (root !== undefined) await rejectUsedDisk(deps, ref, root);
  const { compute } = deps.clouds.get(ref.cloud);
  const details = await buildBootUserData(deps, input);
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
    // A try that Temporal has given up may have created an instance at the same time. All tries use the oldest
    // instance.
    return { serverId: (await findOwnServer(deps, input))?.id ?? id };
  } catch (error) {
    const made = await recoverLostReply(deps, error, () => findOwnServer(deps, input));
    if (made === undefined) throw error;
    return { serverId: made.id };
  }
}
