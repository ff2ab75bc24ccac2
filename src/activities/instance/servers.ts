import { FactoryError } from '../../domain/errors.js';
import { KEYS, MARK, resourceName, type BuildRef, type ServerRole } from '../../domain/names.js';
import type { CallOptions } from '../../http/call-options.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { watchServer } from '../shared/watch-resource.js';

/**
 * Builds the error of a server in status ERROR, with Nova's own message. A list may show this status before Nova has
 * stored the fault; then this function reads the server itself to get the fault.
 */
export async function serverFailedError(deps: Deps, cloud: string, server: Server): Promise<FactoryError> {
  const { compute } = deps.clouds.get(cloud);
  const fault =
    server.fault ??
    (await compute.getServer(server.id, { signal: cancellationSignal() }).catch(() => undefined))?.fault;
  const reason = fault?.message ?? 'the cloud gives no reason';
  return new FactoryError('ServerFailed', `instance ${server.id} went to ERROR: ${reason}`, {
    hint: 'openstack server show has more details; the cloud’s operators can find the request in Nova’s log',
  });
}

/** Whether a server is in ERROR because no host had room for it. A later try may find a host with room. */
export function hasNoValidHost({ status, fault }: Server): boolean {
  return status === 'ERROR' && /no valid host was found/i.test(fault?.message ?? '');
}

/** Builds the error of a server that was deleted outside of the build. */
function serverGoneError(serverId: string): FactoryError {
  return new FactoryError('ServerGone', `instance ${serverId} is gone: it was deleted outside of the build`, {
    hint: 'run imagefactory resume: it continues from the resources of the build that still exist',
  });
}

/** Builds the error of a server that is off although the build needs it. */
export function serverOffError(serverId: string): FactoryError {
  return new FactoryError(
    'ServerFailed',
    `instance ${serverId} is off: the guest has shut down, or was stopped from outside`,
    {
      hint: 'the commands of the template must not shut the machine down; imagefactory does that at the end',
    },
  );
}

/** Whether a server does not exist, or has a status with which Nova marks a deleted server. */
export function isGone(server: Server | undefined): boolean {
  return server === undefined || server.status === 'DELETED' || server.status === 'SOFT_DELETED';
}

/**
 * Reads a server that must exist.
 * @throws FactoryError ServerGone when it does not exist; ServerFailed when it is in status ERROR
 */
export async function getLiveServer(deps: Deps, cloud: string, serverId: string): Promise<Server> {
  const server = await deps.clouds.get(cloud).compute.getServer(serverId, { signal: cancellationSignal() });
  if (server === undefined || isGone(server)) throw serverGoneError(serverId);
  if (server.status === 'ERROR') throw await serverFailedError(deps, cloud, server);
  return server;
}

/** Describes an instance for a progress report, by its status and its task. */
export function describeServer(server: Server): string {
  return `instance is ${server.status} (${server['OS-EXT-STS:task_state'] ?? 'no task'})`;
}

/** Whether an instance is off, and Nova has no task that may change this. */
export function isOff(server: Server): boolean {
  return server.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] === null;
}

/**
 * Watches an instance that must exist, until `check` returns a result.
 * @throws FactoryError ServerGone when it does not exist; ServerFailed when it is in status ERROR
 */
export function watchLiveServer<R>(
  deps: Deps,
  cloudName: string,
  serverId: string,
  check: (server: Server) => Promise<R | undefined> | R | undefined,
): Promise<R> {
  return watchServer(deps, cloudName, serverId, async (server) => {
    if (server === undefined || isGone(server)) throw serverGoneError(serverId);
    if (server.status === 'ERROR') throw await serverFailedError(deps, cloudName, server);
    return check(server);
  });
}

/**
 * Lists the servers that a build has created for a role. Finds them by the name and the metadata that the build gave
 * them.
 */
export async function listBuildServers(
  deps: Pick<Deps, 'clouds'>,
  ref: BuildRef,
  role: ServerRole,
  options: CallOptions,
): Promise<Server[]> {
  const name = resourceName(ref, role);
  const servers = await deps.clouds.get(ref.cloud).compute.listServers({ name }, options);
  return servers.filter(
    (server) => server.name === name && server.metadata[KEYS.build] === ref.uuid && !isGone(server),
  );
}

/** Lists the servers that have imagefactory's mark. The shared poll of a cloud makes this list call. */
export async function listOwnServers(deps: Pick<Deps, 'clouds'>, cloudName: string): Promise<Server[]> {
  return deps.clouds.get(cloudName).compute.listServers({ tags: [MARK] });
}
