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
  return new FactoryError('ServerGone', `instance ${serverId} is gone: somebody else has deleted it`);
}

/** Servers that Nova no longer counts as there. */
export function isGone(server: Server | undefined): boolean {
  return server === undefined || server.status === 'DELETED' || server.status === 'SOFT_DELETED';
}

async function findOwn(deps: Deps, { ref, role }: CreateServerInput): Promise<Server | undefined> {
  const name = resourceName(ref, role);
  const servers = await deps.clouds.get(ref.cloud).compute.listServers({ name }, { signal: signal() });
  return servers.find((server) => server.name === name && !isGone(server));
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
  if (existing !== undefined) {
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
    return { serverId: id };
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
