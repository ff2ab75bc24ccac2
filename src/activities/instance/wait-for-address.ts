import type { FloatingIpRequest } from './floating-ip.js';
import { FactoryError } from '../../domain/errors.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress } from '../shared/context.js';
import { describeServer, isOff, serverOffError, watchLiveServer } from './servers.js';
import { associateFloatingIp } from './floating-ip.js';

export interface WaitForAddressInput extends FloatingIpRequest {
  serverId: string;
  /** Time until which the instance must be ACTIVE, in milliseconds since the epoch. */
  deadline: number;
}

/** Waits until the instance is ACTIVE, and returns the address at which the worker can reach it. */
export async function waitForAddress(deps: Deps, input: WaitForAddressInput): Promise<{ host: string }> {
  const server = await waitUntilActive(deps, input);
  if (input.floatingIp !== false) {
    const floating = await associateFloatingIp(deps, input);
    return { host: floating.floating_ip_address };
  }
  const fixed = Object.values(server.addresses)
    .flat()
    .filter((address) => address['OS-EXT-IPS:type'] !== 'floating');
  const host = (fixed.find((address) => address.version === 4) ?? fixed[0])?.addr;
  if (host !== undefined) return { host };
  throw new FactoryError('GuestUnreachable', `instance ${server.id} is ACTIVE but has no address`, { retryable: true });
}

function waitUntilActive(deps: Deps, { ref, serverId, deadline }: WaitForAddressInput): Promise<Server> {
  return watchLiveServer(deps, ref.cloud, serverId, (server) => {
    if (server.status === 'ACTIVE') return server;
    if (isOff(server)) throw serverOffError(server.id);
    if (Date.now() >= deadline) {
      const task = server['OS-EXT-STS:task_state'];
      throw new FactoryError(
        'DeadlineExceeded',
        `instance ${server.id} is still ${server.status} (${task ?? 'no task'}) at its deadline`,
        {
          hint: 'to give the instance more time: --parameter boot_timeout SECONDS',
        },
      );
    }
    reportProgress({ message: describeServer(server) });
    return undefined;
  });
}
