import { createHash } from 'node:crypto';
import { formatMicros, formatSeconds, type Fields } from '../core/values.js';
import type { CloudState, FakeFlavor, FakeServer } from '../state.js';

export function buildLinks(endpoint: string, path: string): Fields[] {
  return [
    { rel: 'self', href: `${endpoint}/v2.1/${path}` },
    { rel: 'bookmark', href: `${endpoint}/${path}` },
  ];
}

/**
 * Builds the JSON of a flavor. Microversion 2.55 adds `description`, and 2.61 adds `extra_specs`. From 2.75 on, `swap`
 * is a number.
 */
export function flavorView(flavor: FakeFlavor, endpoint: string, version: number): Fields {
  return {
    id: flavor.id,
    name: flavor.name,
    ram: flavor.ram,
    disk: flavor.disk,
    swap: version >= 75 ? 0 : '',
    'OS-FLV-EXT-DATA:ephemeral': 0,
    'OS-FLV-DISABLED:disabled': false,
    vcpus: flavor.vcpus,
    'os-flavor-access:is_public': true,
    rxtx_factor: 1,
    links: buildLinks(endpoint, `flavors/${flavor.id}`),
    ...(version >= 55 ? { description: null } : {}),
    ...(version >= 61 ? { extra_specs: {} } : {}),
  };
}

function viewFlavor({ flavor }: FakeServer, endpoint: string, version: number): Fields {
  if (version < 47) return { id: flavor.id, links: [{ rel: 'bookmark', href: `${endpoint}/flavors/${flavor.id}` }] };
  const { vcpus, ram, disk } = flavor;
  return { vcpus, ram, disk, ephemeral: 0, swap: 0, original_name: flavor.name, extra_specs: {} };
}

/** Builds the field `image` of a server: an empty string for a volume-backed server. */
function viewImage({ imageId: id }: FakeServer, endpoint: string): Fields | '' {
  return id === '' ? '' : { id, links: [{ rel: 'bookmark', href: `${endpoint}/images/${id}` }] };
}

/** Builds the addresses of a server by network name. A server that was never ACTIVE shows none. */
function viewAddresses(state: CloudState, server: FakeServer): Fields {
  const addresses: Record<string, Fields[]> = {};
  if (server.launchedAt === null) return addresses;
  for (const port of state.findPorts(server.id)) {
    const name = state.networks.get(port.network_id)?.name ?? port.network_id;
    const mac = { 'OS-EXT-IPS-MAC:mac_addr': port.mac_address };
    const fixed = port.fixed_ips.map(({ ip_address: addr }) => ({
      version: 4,
      addr,
      'OS-EXT-IPS:type': 'fixed',
      ...mac,
    }));
    const floating = state
      .findFloatingIps(port.id)
      .map(({ floating_ip_address: addr }) => ({ version: 4, addr, 'OS-EXT-IPS:type': 'floating', ...mac }));
    addresses[name] = [...(addresses[name] ?? []), ...fixed, ...floating];
  }
  return addresses;
}

/**
 * Builds the JSON of a server with all details, with the fields of the microversion
 * (https://docs.openstack.org/nova/latest/reference/api-microversion-history.html).
 */
export function serverView(state: CloudState, server: FakeServer, endpoint: string, version: number): Fields {
  const groups = server.securityGroups.map((id) => ({ name: state.securityGroups.get(id)?.name ?? id }));
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    tenant_id: state.projectId,
    user_id: state.userId,
    metadata: server.metadata,
    hostId: server.launchedAt === null ? '' : createHash('sha224').update(state.projectId).digest('hex'),
    image: viewImage(server, endpoint),
    flavor: viewFlavor(server, endpoint, version),
    created: formatSeconds(server.created),
    updated: formatSeconds(server.updated),
    addresses: viewAddresses(state, server),
    accessIPv4: '',
    accessIPv6: '',
    links: buildLinks(endpoint, `servers/${server.id}`),
    'OS-DCF:diskConfig': 'MANUAL',
    ...(['BUILD', 'ACTIVE', 'REBOOT', 'HARD_REBOOT'].includes(server.status) ? { progress: 0 } : {}),
    'OS-EXT-AZ:availability_zone': server.launchedAt === null ? '' : 'nova',
    config_drive: server.configDrive ? 'True' : '',
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': server.launchedAt === null ? null : formatMicros(server.launchedAt),
    'OS-SRV-USG:terminated_at': null,
    ...(groups.length === 0 ? {} : { security_groups: groups }),
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:power_state': server.powerState,
    'os-extended-volumes:volumes_attached': server.drives.map(({ volumeId: id, deleteOnTermination }) => ({
      id,
      ...(version >= 3 ? { delete_on_termination: deleteOnTermination } : {}),
    })),
    ...(server.fault === undefined ? {} : { fault: faultView(server.fault) }),
    ...viewAdministrative(server, version),
    ...(version >= 9 ? { locked: false } : {}),
    ...(version >= 16 ? { host_status: server.launchedAt === null ? '' : 'UP' } : {}),
    ...(version >= 19 ? { description: server.description } : {}),
    ...(version >= 26 ? { tags: server.tags } : {}),
    ...(version >= 63 ? { trusted_image_certificates: null } : {}),
    ...(version >= 71 ? { server_groups: [] } : {}),
    ...(version >= 73 ? { locked_reason: null } : {}),
  };
}

function viewAdministrative(server: FakeServer, version: number): Fields {
  const host = server.launchedAt === null ? null : 'node1';
  const base = {
    'OS-EXT-SRV-ATTR:host': host,
    'OS-EXT-SRV-ATTR:instance_name': `instance-${server.number.toString(16).padStart(8, '0')}`,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': host,
  };
  if (version < 3) return base;
  return {
    ...base,
    'OS-EXT-SRV-ATTR:reservation_id': `r-${server.id.slice(0, 8)}`,
    'OS-EXT-SRV-ATTR:launch_index': 0,
    'OS-EXT-SRV-ATTR:hostname': buildHostname(server),
    'OS-EXT-SRV-ATTR:kernel_id': server.imageProperties['kernel_id'] ?? '',
    'OS-EXT-SRV-ATTR:ramdisk_id': server.imageProperties['ramdisk_id'] ?? '',
    'OS-EXT-SRV-ATTR:root_device_name': host === null ? null : '/dev/vda',
    'OS-EXT-SRV-ATTR:user_data': server.userData,
  };
}

/** Builds the host name from a server's name, as Nova does. */
export function buildHostname(server: FakeServer): string {
  return server.name.toLowerCase().replace(/[ _]/g, '-').replace(/[^a-z0-9.-]/g, '').replace(/^[.-]+|[.-]+$/g, '').slice(0, 63) || `server-${server.id}`; // prettier-ignore
}

function faultView(fault: NonNullable<FakeServer['fault']>): Fields {
  const { code, message, details, created } = fault;
  return { code, created: formatSeconds(created), message, ...(details === undefined ? {} : { details }) };
}
