import { formatSeconds, type Fields } from '../core/values.js';
import type {
  CloudState,
  FakeFloatingIp,
  FakeNetwork,
  FakePort,
  FakeRouter,
  FakeRule,
  FakeSecurityGroup,
  FakeSubnet,
} from '../state.js';

/** Builds the JSON of Neutron's resources. */
export class NetworkViews {
  constructor(private readonly state: CloudState) {}

  private owner(): Fields {
    return { tenant_id: this.state.projectId, project_id: this.state.projectId };
  }

  network(network: FakeNetwork): Fields {
    return {
      id: network.id,
      name: network.name,
      ...this.owner(),
      admin_state_up: true,
      mtu: 1500,
      status: 'ACTIVE',
      subnets: network.subnets,
      shared: network.shared,
      availability_zone_hints: [],
      availability_zones: ['nova'],
      ipv4_address_scope: null,
      ipv6_address_scope: null,
      'router:external': network.external,
      description: '',
      port_security_enabled: true,
      ...(network.external ? { is_default: false } : {}),
      tags: network.tags,
      ...times(network.created, network.created),
    };
  }

  subnet(subnet: FakeSubnet): Fields {
    return {
      id: subnet.id,
      name: subnet.name,
      ...this.owner(),
      network_id: subnet.network_id,
      ip_version: 4,
      subnetpool_id: null,
      enable_dhcp: true,
      ipv6_ra_mode: null,
      ipv6_address_mode: null,
      gateway_ip: subnet.gateway_ip,
      cidr: subnet.cidr,
      allocation_pools: [subnet.pool],
      host_routes: [],
      dns_nameservers: [],
      description: '',
      service_types: [],
      tags: [],
      ...times(subnet.created, subnet.created),
    };
  }

  port(port: FakePort): Fields {
    const { created, ...rest } = port;
    return {
      ...rest,
      ...this.owner(),
      admin_state_up: true,
      allowed_address_pairs: [],
      extra_dhcp_opts: [],
      description: '',
      'binding:vnic_type': 'normal',
      port_security_enabled: true,
      ...times(created, created),
    };
  }

  router(router: FakeRouter): Fields {
    return {
      id: router.id,
      name: router.name,
      ...this.owner(),
      admin_state_up: true,
      status: 'ACTIVE',
      external_gateway_info: { network_id: router.external, external_fixed_ips: [], enable_snat: true },
      description: '',
      availability_zones: ['nova'],
      availability_zone_hints: [],
      routes: [],
      flavor_id: null,
      tags: [],
      ...times(router.created, router.created),
    };
  }

  floatingIp(floating: FakeFloatingIp): Fields {
    const { created, updated, ...rest } = floating;
    const port = floating.port_id === null ? undefined : this.state.ports.get(floating.port_id);
    const details = port && {
      name: port.name,
      network_id: port.network_id,
      mac_address: port.mac_address,
      admin_state_up: true,
      status: port.status,
      device_id: port.device_id,
      device_owner: port.device_owner,
    };
    return { ...rest, ...this.owner(), port_details: details ?? null, ...times(created, updated) };
  }

  group(group: FakeSecurityGroup): Fields {
    return {
      id: group.id,
      name: group.name,
      stateful: true,
      ...this.owner(),
      description: group.description,
      shared: false,
      security_group_rules: group.rules.map((rule) => ({ ...this.rule(rule), tags: [] })),
      tags: group.tags,
      ...times(group.created, group.updated),
    };
  }

  rule(rule: FakeRule): Fields {
    const { created, ...rest } = rule;
    return {
      ...rest,
      ...this.owner(),
      remote_address_group_id: null,
      normalized_cidr: rule.remote_ip_prefix,
      ...times(created, created),
    };
  }
}

function times(created: number, updated: number): Fields {
  return { created_at: formatSeconds(created), updated_at: formatSeconds(updated), revision_number: 0 };
}
