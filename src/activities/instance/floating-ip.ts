import { FactoryError, asRetryable } from '../../domain/errors.js';
import { buildTag, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import type { FloatingIp } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/** The network of an instance, and the floating IP that the build wants for it. */
export interface FloatingIpRequest {
  ref: BuildRef;
  /** Id of the network on which the instance has its port. */
  networkId: string;
  /**
   * False: no floating IP, the worker uses the fixed address. True: a floating IP of an external network that we
   * choose. A network's name: a floating IP of that network.
   */
  floatingIp: boolean | string;
}

/** Reserves the build's floating IP, and associates it with the port of its instance. */
export async function associateFloatingIp(
  deps: Deps,
  input: FloatingIpRequest & { serverId: string },
): Promise<FloatingIp> {
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
  const own = await reserveFloatingIp(deps, input);
  if (own.port_id === port.id) return own;
  return network.updateFloatingIp(own.id, { port_id: port.id }, { signal: cancellationSignal() });
}

/**
 * Finds the build's floating IP by its description, or creates it. The create call already sets the description. We
 * reserve the floating IP before we create the instance, so that no instance waits for a floating IP.
 */
export async function reserveFloatingIp(deps: Deps, input: FloatingIpRequest): Promise<FloatingIp> {
  const { ref } = input;
  const { network } = deps.clouds.get(ref.cloud);
  const description = resourceName(ref, 'address');
  const tags = tagsOf(ref, 'address');
  const [own] = await network.listFloatingIps({ description }, { signal: cancellationSignal() });
  if (own !== undefined) {
    // The tags are missing when an earlier try created the floating IP and ended before it set them.
    if (!own.tags.includes(buildTag(ref.uuid)))
      await network.setTags('floatingips', own.id, tags, { signal: cancellationSignal() });
    return own;
  }
  reportProgress({ message: 'reserving a floating IP' });
  const request = { floating_network_id: await findExternalNetwork(deps, input), description, tags };
  try {
    return await network.createFloatingIp(request, { signal: cancellationSignal() });
  } catch (error) {
    // createFloatingIp makes two calls: it creates the floating IP, then sets its tags. NotFound means that the
    // floating IP was released between the two calls. The next try creates another floating IP.
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    throw asRetryable(error);
  }
}

/** Releases the floating IP of a build that has no instance. */
export async function releaseFloatingIp(deps: Deps, ref: BuildRef): Promise<void> {
  const { network } = deps.clouds.get(ref.cloud);
  const own = await network.listFloatingIps(
    { description: resourceName(ref, 'address') },
    { signal: cancellationSignal() },
  );
  for (const { id } of own) await network.deleteFloatingIp(id, { signal: cancellationSignal() });
}

async function findExternalNetwork(deps: Deps, input: FloatingIpRequest): Promise<string> {
  const { network } = deps.clouds.get(input.ref.cloud);
  if (typeof input.floatingIp === 'string') {
    const named = await network.findNetwork(input.floatingIp, { signal: cancellationSignal() });
    if (named !== undefined) return named.id;
    throw new FactoryError('NotFound', `parameter request_floating_ip: there is no network ${input.floatingIp}`, {
      hint: 'openstack network list --external shows the external networks; with request_floating_ip True, imagefactory chooses one',
    });
  }
  const routed = await network.findExternalNetwork(input.networkId, { signal: cancellationSignal() });
  if (routed !== undefined) return routed;
  const external = await network.listNetworks({ external: true }, { signal: cancellationSignal() });
  if (external.length === 1 && external[0] !== undefined) return external[0].id;
  const names = external.map((candidate) => candidate.name).join(', ') || 'none';
  throw new FactoryError(
    'NotFound',
    `imagefactory cannot choose an external network for the floating IP: no router connects the build’s network to an external network, and the cloud does not have exactly one external network (found: ${names})`,
    {
      hint: 'name the external network: --parameter request_floating_ip NAME',
    },
  );
}
