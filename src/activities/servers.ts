import { FactoryError } from '../build/errors.js';
import { MARK, marksOf, resourceName, tagsOf } from '../build/names.js';
import type { Server } from '../openstack/types.js';
import { type Deps, progress, signal, sleep } from './context.js';
import { bootUserData } from './user-data.js';
import type { CreateServerInput } from './types.js';

/**
 * The failure of a server in ERROR, in Nova's words. A list may show the state before the reason is written down, so the
 * server itself is asked.
 */
export async function serverFailed(deps: Deps, cloud: string, server: Server): Promise<FactoryError> {
  const { compute } = deps.clouds.get(cloud);
  const fault =
    server.fault ?? (await compute.getServer(server.id, { signal: signal() }).catch(() => undefined))?.fault;
  const reason = fault?.message ?? 'the cloud gives no reason';
  return new FactoryError('ServerFailed', `instance ${server.id} went to ERROR: ${reason}`, {
    hint: 'openstack server show has more of it; the cloud’s operators find the request in Nova’s log',
  });
}

/** The failure of a server that somebody else removed. */
export function serverGone(serverId: string): FactoryError {
  return new FactoryError('ServerGone', `instance ${serverId} is gone: somebody else has deleted it`, {
    hint: 'imagefactory resume goes on from what still exists of the build',
  });
}

/** The failure of a server that runs no more. */
export function serverOff(serverId: string): FactoryError {
  return new FactoryError(
    'ServerFailed',
    `instance ${serverId} is off: the guest has shut down, or somebody has stopped it`,
    {
      hint: 'no command of a template may shut the machine down; imagefactory does that at the end',
    },
  );
}

/** Servers that Nova no longer counts as there. */
export function isGone(server: Server | undefined): boolean {
  return server === undefined || server.status === 'DELETED' || server.status === 'SOFT_DELETED';
}

/** A server that is there and in order. @throws FactoryError ServerGone, ServerFailed */
export async function livingServer(deps: Deps, cloud: string, serverId: string): Promise<Server> {
  const server = await deps.clouds.get(cloud).compute.getServer(serverId, { signal: signal() });
  if (server === undefined || isGone(server)) throw serverGone(serverId);
  if (server.status === 'ERROR') throw await serverFailed(deps, cloud, server);
  return server;
}

/**
 * The build's instance of a role. There is one at a time: one that is being deleted is waited for, and of two that tries made
 * that did not know of each other the older stays.
 */
async function findOwn(deps: Deps, { ref, role }: CreateServerInput): Promise<Server | undefined> {
  const { compute } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, role);
  for (;;) {
    const listed = await compute.listServers({ name }, { signal: signal() });
    const servers = listed.filter((server) => server.name === name && !isGone(server)).sort(byAge);
    if (servers.length === 0) return undefined;
    const [oldest, ...younger] = servers.filter((server) => server['OS-EXT-STS:task_state'] !== 'deleting');
    for (const { id } of younger) await compute.deleteServer(id, { signal: signal() });
    if (oldest !== undefined) return oldest;
    progress({ message: `instance ${servers[0]?.id} is being deleted` });
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
 * Whether the reply to a create call may have been lost after the cloud did it. Then the server may take a moment to
 * appear in a list.
 */
function isAmbiguous(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'CloudUnavailable';
}

async function appears(deps: Deps, input: CreateServerInput): Promise<Server | undefined> {
  for (let tries = 0; tries < 3; tries++) {
    const server = await findOwn(deps, input).catch(() => undefined);
    if (server !== undefined) return server;
    await sleep(deps.pollInterval);
  }
  return undefined;
}

/** Creates a build's instance of a role, or finds the one that an earlier try created. */
export async function createServer(deps: Deps, input: CreateServerInput): Promise<{ serverId: string }> {
  const { ref, role } = input;
  const existing = await findOwn(deps, input);
  if (existing !== undefined && isOver(existing, input)) {
    progress({ message: `removing instance ${existing.id}, which is off` });
    await deleteServer(deps, { ref, serverId: existing.id });
  } else if (existing !== undefined) {
    progress({ message: `found instance ${existing.id}, made by an earlier try` });
    return { serverId: existing.id };
  }
  const { compute } = deps.clouds.get(ref.cloud);
  const details = await bootUserData(deps, input);
  try {
    const { id } = await compute.createServer(
      {
        name: resourceName(ref, role),
        imageRef: input.imageId,
        flavorRef: input.flavorId,
        networks: [{ uuid: input.networkId }],
        metadata: marksOf(ref, role, deps.identity),
        tags: tagsOf(ref, role),
        ...(input.access === undefined
          ? {}
          : { key_name: input.access.keyName, security_groups: [{ name: input.access.securityGroupId }] }),
        ...details,
      },
      { signal: signal() },
    );
    // Another try, of which Temporal has heard nothing more, may have made one in the same moment.
    return { serverId: (await findOwn(deps, input))?.id ?? id };
  } catch (error) {
    if (!isAmbiguous(error)) throw error;
    const made = await appears(deps, input);
    if (made === undefined) throw error;
    return { serverId: made.id };
  }
}

/** Deletes a server and waits until Nova no longer has it. */
export async function deleteServer(deps: Deps, input: { ref: { cloud: string }; serverId: string }): Promise<void> {
  const { serverId } = input;
  const { cloud, servers } = deps.watch(input.ref.cloud);
  await cloud.compute.deleteServer(serverId, { signal: signal() });
  try {
    for (let polls = 1; ; polls++) {
      const server = await servers.next(serverId, signal());
      if (isGone(server) && isGone(await cloud.compute.getServer(serverId, { signal: signal() }))) return;
      progress({
        message: `instance is ${server?.status ?? 'leaving'} (${server?.['OS-EXT-STS:task_state'] ?? 'no task'})`,
      });
      // A delete can be lost when a service behind the API is restarted: ask again from time to time.
      if (polls % 20 === 0) await cloud.compute.deleteServer(serverId, { signal: signal() });
    }
  } finally {
    servers.done(serverId);
  }
}

/** The list call behind a cloud's shared poll of servers. */
export async function listOwnServers(deps: Pick<Deps, 'clouds'>, cloudName: string): Promise<Server[]> {
  return deps.clouds.get(cloudName).compute.listServers({ tags: [MARK] });
}
