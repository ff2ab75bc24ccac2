import type { CloudState } from './state.js';

/** A resource that is left in the cloud. */
export interface Leftover {
  kind: 'server' | 'image' | 'volume' | 'volume snapshot' | 'port' | 'floating IP' | 'key pair' | 'security group';
  id: string;
  name: string;
  tags: string[];
}

/** Lists all resources besides those with which the cloud starts. */
export function listLeftovers(state: CloudState): Leftover[] {
  return [
    ...[...state.servers.values()].map(({ id, name, tags }) => ({ kind: 'server' as const, id, name, tags })),
    ...[...state.images.values()].map(({ id, name, tags }) => ({ kind: 'image' as const, id, name: name ?? '', tags })),
    ...[...state.volumes.values()].map(({ id, name }) => ({ kind: 'volume' as const, id, name: name ?? '', tags: [] })),
    ...[...state.volumeSnapshots.values()].map(({ id, name }) => ({
      kind: 'volume snapshot' as const,
      id,
      name,
      tags: [],
    })),
    ...[...state.ports.values()]
      .filter((port) => port.device_owner !== 'network:router_interface')
      .map(({ id, device_id, tags }) => ({ kind: 'port' as const, id, name: `of ${device_id}`, tags })),
    ...[...state.floatingIps.values()].map(({ id, description, tags }) => ({
      kind: 'floating IP' as const,
      id,
      name: description,
      tags,
    })),
    ...[...state.keyPairs.values()].map(({ name }) => ({ kind: 'key pair' as const, id: name, name, tags: [] })),
    ...[...state.securityGroups.values()]
      .filter((group) => group.name !== 'default')
      .map(({ id, name, tags }) => ({ kind: 'security group' as const, id, name, tags })),
  ];
}
