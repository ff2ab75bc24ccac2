import { createSocket } from 'node:dgram';
import { FactoryError, asRetryable } from '../../domain/errors.js';
import { buildTag, resourceName, tagsOf, type BuildRef } from '../../domain/names.js';
import type { SecurityGroup } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';

export async function ensureSecurityGroup(deps: Deps, ref: BuildRef): Promise<SecurityGroup> {
  const { network } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, 'guest');
  const tags = tagsOf(ref, 'guest');
  const [existing] = await network.listSecurityGroups({ name }, { signal: cancellationSignal() });
  if (existing !== undefined) {
    // The tags are missing when an earlier try created the group and ended before it set them.
    if (!existing.tags.includes(buildTag(ref.uuid)))
      await network.setTags('security-groups', existing.id, tags, { signal: cancellationSignal() });
    return existing;
  }
  try {
    return await network.createSecurityGroup(
      { name, description: `SSH from the worker that builds image ${ref.uuid}`, tags },
      { signal: cancellationSignal() },
    );
  } catch (error) {
    // createSecurityGroup makes two calls: it creates the group, then sets its tags. NotFound means that the group was
    // deleted between the two calls. The next try creates another group.
    if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    throw asRetryable(error);
  }
}

/**
 * Finds the local address that this machine uses to reach `host`. The kernel chooses it from its routes, and sends no
 * packet.
 */
export function findLocalAddress(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(
        new FactoryError('GuestUnreachable', `there is no route to ${host}: ${error.message}`, {
          retryable: true,
          cause: error,
        }),
      );
    });
    // We do not pass this listener to connect() as its callback, because Node would then give errors to the callback
    // and not to the listener for `error` above.
    socket.once('connect', () => {
      const { address } = socket.address();
      socket.close();
      resolve(address);
    });
    socket.connect(22, host);
  });
}

/** Opens the guest's SSH port for this worker. */
export async function openSecurityGroupForWorker(
  deps: Deps,
  ref: BuildRef,
  guest: { host: string; securityGroupId: string },
): Promise<void> {
  const local = await findLocalAddress(guest.host);
  await openSecurityGroup(deps, ref, guest, deps.workerAddresses ?? [`${local}/${local.includes(':') ? 128 : 32}`]);
}

/**
 * Opens the guest's SSH port for the networks in `wanted` (CIDRs). Skips networks for which the port is open already.
 */
export async function openSecurityGroup(
  deps: Deps,
  ref: BuildRef,
  guest: { securityGroupId: string },
  wanted: string[],
): Promise<void> {
  const { network } = deps.clouds.get(ref.cloud);
  const groups = await network.listSecurityGroups({ tags: [buildTag(ref.uuid)] }, { signal: cancellationSignal() });
  const group = groups.find((candidate) => candidate.id === guest.securityGroupId);
  if (group === undefined) {
    throw new FactoryError(
      'NotFound',
      `the build’s security group ${guest.securityGroupId} is gone: it was deleted outside of the build`,
    );
  }
  const admitted = new Set(group.security_group_rules.map((rule) => rule.remote_ip_prefix));
  for (const prefix of wanted.filter((address) => !admitted.has(address))) {
    await addSshRule(deps, ref, guest.securityGroupId, prefix, prefix.includes(':') ? 'IPv6' : 'IPv4');
  }
}

async function addSshRule(
  deps: Deps,
  ref: BuildRef,
  group: string,
  prefix: string,
  ethertype: 'IPv4' | 'IPv6',
): Promise<void> {
  const rule = {
    direction: 'ingress',
    ethertype,
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 22,
    remote_ip_prefix: prefix,
  } as const;
  try {
    await deps.clouds.get(ref.cloud).network.addSecurityGroupRule(group, rule, { signal: cancellationSignal() });
  } catch (error) {
    // Neutron answers 409 when the rule exists already.
    if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
  }
}
