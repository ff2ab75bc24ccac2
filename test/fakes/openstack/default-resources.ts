import { randomUUID } from 'node:crypto';
import type { AddressPool } from './network/address-pool.js';
import { addDefaultSecurityGroup, type CloudState, type FakeFlavor } from './state.js';

/**
 * Creates the resources with which a cloud starts: flavors, a private and a public network, and a router between
 * them.
 */
export function createDefaultResources(state: CloudState, pool: AddressPool, flavors: Omit<FakeFlavor, 'id'>[]): void {
  for (const flavor of flavors) {
    const id = randomUUID();
    state.flavors.set(id, { id, ...flavor });
  }
  const created = Date.now();
  const networks = [
    { name: 'private', external: false, third: 0 },
    { name: 'public', external: true, third: 64 },
  ].map(({ name, external, third }) => {
    const subnetId = randomUUID();
    const network = { id: randomUUID(), name, external, shared: false, subnets: [subnetId], tags: [], created };
    const address = (part: number, last: number): string => `${pool.prefix}.${third + part}.${last}`;
    state.networks.set(network.id, network);
    state.subnets.set(subnetId, {
      id: subnetId,
      name: `${name}-subnet`,
      network_id: network.id,
      cidr: `${address(0, 0)}/18`,
      gateway_ip: address(0, 1),
      pool: { start: address(0, 10), end: address(63, 254) },
      created,
    });
    pool.add(network.id, third);
    return network;
  });
  const [own, outside] = networks;
  if (own !== undefined && outside !== undefined) {
    const router = { id: randomUUID(), name: 'router1', external: outside.id, created };
    state.routers.set(router.id, router);
    const subnet = state.subnets.get(own.subnets[0] ?? '');
    state.addPort({
      id: router.id,
      name: '',
      network_id: own.id,
      mac_address: 'fa:16:3e:00:00:01',
      status: 'ACTIVE',
      device_id: router.id,
      device_owner: 'network:router_interface',
      fixed_ips: [{ subnet_id: own.subnets[0] ?? '', ip_address: subnet?.gateway_ip ?? '' }],
      security_groups: [],
      tags: [],
      created,
    });
  }
  addDefaultSecurityGroup(state);
}
