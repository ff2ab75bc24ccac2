import { FactoryError } from '../../domain/errors.js';
import { MARK } from '../../domain/names.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/**
 * The failure of a server in ERROR, in Nova's words. A list may show the state before the reason is written down, so the
 * server itself is asked.
 */
export async function serverFailed(deps: Deps, cloud: string, server: Server): Promise<FactoryError> {
  const { compute } = deps.clouds.get(cloud);
  const fault =
    server.fault ??
    (await compute.getServer(server.id, { signal: cancellationSignal() }).catch(() => undefined))?.fault;
  const reason = fault?.message ?? 'the cloud gives no reason';
  return new FactoryError('ServerFailed', `instance ${server.id} went to ERROR: ${reason}`, {
    hint: 'openstack server show has more of it; the cloud’s operators find the request in Nova’s log',
  });
}

/** Whether a server is in ERROR because no host had room for it, which passes. */
export function isWithoutHost({ status, fault }: Server): boolean {
  return status === 'ERROR' && /no valid host was found/i.test(fault?.message ?? '');
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
  const server = await deps.clouds.get(cloud).compute.getServer(serverId, { signal: cancellationSignal() });
  if (server === undefined || isGone(server)) throw serverGone(serverId);
  if (server.status === 'ERROR') throw await serverFailed(deps, cloud, server);
  return server;
}

/** Deletes a server and waits until Nova no longer has it. */
export async function deleteServer(deps: Deps, input: { ref: { cloud: string }; serverId: string }): Promise<void> {
  const { serverId } = input;
  const { cloud, servers } = deps.watch(input.ref.cloud);
  await cloud.compute.deleteServer(serverId, { signal: cancellationSignal() });
  try {
    for (let polls = 1; ; polls++) {
      const server = await servers.next(serverId, cancellationSignal());
      if (isGone(server) && isGone(await cloud.compute.getServer(serverId, { signal: cancellationSignal() }))) return;
      reportProgress({
        message: `instance is ${server?.status ?? 'leaving'} (${server?.['OS-EXT-STS:task_state'] ?? 'no task'})`,
      });
      // A delete can be lost when a service behind the API is restarted: ask again from time to time.
      if (polls % 20 === 0) await cloud.compute.deleteServer(serverId, { signal: cancellationSignal() });
    }
  } finally {
    servers.stopWaiting(serverId);
  }
}

/** The list call behind a cloud's shared poll of servers. */
export async function listOwnServers(deps: Pick<Deps, 'clouds'>, cloudName: string): Promise<Server[]> {
  return deps.clouds.get(cloudName).compute.listServers({ tags: [MARK] });
}
