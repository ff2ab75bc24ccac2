import { FactoryError, asRetryable } from '../../domain/errors.js';
import { buildTag, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import type { FloatingIp, Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { isGone, serverFailed, serverGone, serverOff } from './servers.js';

export interface WaitForAddress {
  ref: BuildRef;
  serverId: string;
  networkId: string;
  /** False: the fixed address; true or a network's name: a floating one. */
  floatingIp: boolean | string;
  /** Milliseconds since the epoch. */
  deadline: number;
}

/** Waits until the instance is ACTIVE, and answers the address under which the worker reaches it. */
export async function waitForAddress(deps: Deps, input: WaitForAddress): Promise<{ host: string }> {
  const server = await activeServer(deps, input);
  if (input.floatingIp !== false) {
    const floating = await ensureFloatingIp(deps, input);
    return { host: floating.floating_ip_address };
  }
  const fixed = Object.values(server.addresses)
    .flat()
    .filter((address) => address['OS-EXT-IPS:type'] !== 'floating');
  const host = (fixed.find((address) => address.version === 4) ?? fixed[0])?.addr;
  if (host !== undefined) return { host };
  throw new FactoryError('GuestUnreachable', `instance ${server.id} is ACTIVE but has no address`, { retryable: true });
}

async function activeServer(deps: Deps, input: WaitForAddress): Promise<Server> {
  const { cloud, servers } = deps.watch(input.ref.cloud);
  try {
    for (;;) {
      const server =
        (await servers.next(input.serverId, cancellationSignal())) ??
        (await cloud.compute.getServer(input.serverId, { signal: cancellationSignal() }));
      if (server === undefined || isGone(server)) throw serverGone(input.serverId);
      if (server.status === 'ERROR') throw await serverFailed(deps, input.ref.cloud, server);
      if (server.status === 'ACTIVE') return server;
      if (server.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] === null) throw serverOff(server.id);
      if (Date.now() >= input.deadline) {
        const task = server['OS-EXT-STS:task_state'];
        throw new FactoryError(
          'DeadlineExceeded',
          `instance ${server.id} is still ${server.status} (${task ?? 'no task'}) at its deadline`,
          {
            hint: '--parameter boot_timeout gives it more time',
          },
        );
      }
      reportProgress({ message: `instance is ${server.status} (${server['OS-EXT-STS:task_state'] ?? 'no task'})` });
    }
  } finally {
    servers.stopWaiting(input.serverId);
  }
}

/** The build's floating IP, on the port of its instance. */
async function ensureFloatingIp(deps: Deps, input: WaitForAddress): Promise<FloatingIp> {
  const { network } = deps.clouds.get(input.ref.cloud);
  const ports = await network.listPorts(
    { device_id: input.serverId, network_id: input.networkId },
    { signal: cancellationSignal() },
  );
  const port = ports[0];
  if (port === undefined) {
    throw new FactoryError('NotFound', `instance ${input.serverId} has no port on its network yet`, {
      retryable: true,
    });
  }
  const own = await reserveAddress(deps, input);
  if (own.port_id === port.id) return own;
  return network.updateFloatingIp(own.id, { port_id: port.id }, { signal: cancellationSignal() });
}

/**
 * The build's floating IP: found by its description, which it is made with, else created. It is reserved together with the
 * instance, so that no instance waits for one.
 */
export async function reserveAddress(
  deps: Deps,
  input: Pick<WaitForAddress, 'ref' | 'networkId' | 'floatingIp'>,
): Promise<FloatingIp> {
  const { ref } = input;
  const { network } = deps.clouds.get(ref.cloud);
  const description = resourceName(ref, 'address');
  const tags = tagsOf(ref, 'address');
  const [own] = await network.listFloatingIps({ description }, { signal: cancellationSignal() });
  if (own !== undefined) {
    // The try that made it may have ended before it tagged it.
    if (!own.tags.includes(buildTag(ref.uuid)))
      await network.setTags('floatingips', own.id, tags, { signal: cancellationSignal() });
    return own;
  }
  reportProgress({ message: 'asking for a floating IP' });
  const request = { floating_network_id: await externalNetwork(deps, input), description, tags };
  try {
    return await network.createFloatingIp(request, { signal: cancellationSignal() });
  } catch (error) {
    // It is made and tagged by two calls: somebody has released it between them. The next try takes another.
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    throw asRetryable(error);
  }
}

/** Gives back the floating IP of a build that has no instance. */
export async function releaseAddress(deps: Deps, ref: BuildRef): Promise<void> {
  const { network } = deps.clouds.get(ref.cloud);
  const own = await network.listFloatingIps(
    { description: resourceName(ref, 'address') },
    { signal: cancellationSignal() },
  );
  for (const { id } of own) await network.deleteFloatingIp(id, { signal: cancellationSignal() });
}

async function externalNetwork(
  deps: Deps,
  input: Pick<WaitForAddress, 'ref' | 'networkId' | 'floatingIp'>,
): Promise<string> {
  const { network } = deps.clouds.get(input.ref.cloud);
  if (typeof input.floatingIp === 'string') {
    const named = await network.findNetwork(input.floatingIp, { signal: cancellationSignal() });
    if (named !== undefined) return named.id;
    throw new FactoryError('NotFound', `there is no network ${input.floatingIp} to take a floating IP from`, {
      hint: 'openstack network list --external shows what there is; request_floating_ip True chooses by itself',
    });
  }
  const routed = await network.findExternalNetwork(input.networkId, { signal: cancellationSignal() });
  if (routed !== undefined) return routed;
  const external = await network.listNetworks({ external: true }, { signal: cancellationSignal() });
  if (external.length === 1 && external[0] !== undefined) return external[0].id;
  const names = external.map((candidate) => candidate.name).join(', ') || 'none';
  throw new FactoryError(
    'NotFound',
    `no router leads from the build’s network to an external one (external networks: ${names})`,
    {
      hint: '--parameter request_floating_ip NAME chooses one',
    },
  );
}
