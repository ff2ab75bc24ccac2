import type { CallOptions } from '../../http/call-options.js';

/** https://docs.openstack.org/api-ref/network/v2/ */
export interface NeutronNetwork {
  id: string;
  name: string;
  'router:external': boolean;
  shared: boolean;
  project_id: string;
  subnets: string[];
  status: string;
}

export interface Port {
  id: string;
  device_id: string;
  device_owner: string;
  network_id: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  status: string;
  name?: string;
  tags?: string[];
  project_id?: string;
  created_at?: string;
}

export interface FloatingIp {
  id: string;
  floating_ip_address: string;
  floating_network_id: string;
  fixed_ip_address: string | null;
  port_id: string | null;
  status: string;
  description: string;
  tags: string[];
  project_id?: string;
  created_at?: string;
}

export interface SecurityGroup {
  id: string;
  name: string;
  description: string;
  tags: string[];
  security_group_rules: SecurityGroupRule[];
  project_id?: string;
  created_at?: string;
}

export interface SecurityGroupRule {
  id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
}

export interface Network {
  listNetworks(query?: { external?: boolean; name?: string }, options?: CallOptions): Promise<NeutronNetwork[]>;
  findNetwork(idOrName: string, options?: CallOptions): Promise<NeutronNetwork | undefined>;
  listPorts(
    query: { device_id?: string; network_id?: string; device_owner?: string; tags?: string[] },
    options?: CallOptions,
  ): Promise<Port[]>;
  deletePort(id: string, options?: CallOptions): Promise<void>;
  /**
   * Returns the id of the external network to which a router connects the given network; undefined if there is none.
   */
  findExternalNetwork(networkId: string, options?: CallOptions): Promise<string | undefined>;
  listFloatingIps(
    query?: { tags?: string[]; port_id?: string; description?: string },
    options?: CallOptions,
  ): Promise<FloatingIp[]>;
  /**
   * Creates a floating IP with the description, and sets its tags in a second call. If the second call fails, the
   * description identifies the floating IP.
   */
  createFloatingIp(
    request: { floating_network_id: string; port_id?: string; description: string; tags: string[] },
    options?: CallOptions,
  ): Promise<FloatingIp>;
  updateFloatingIp(id: string, change: { port_id: string | null }, options?: CallOptions): Promise<FloatingIp>;
  deleteFloatingIp(id: string, options?: CallOptions): Promise<void>;
  listSecurityGroups(query?: { tags?: string[]; name?: string }, options?: CallOptions): Promise<SecurityGroup[]>;
  createSecurityGroup(
    request: { name: string; description: string; tags: string[] },
    options?: CallOptions,
  ): Promise<SecurityGroup>;
  addSecurityGroupRule(
    groupId: string,
    rule: Omit<SecurityGroupRule, 'id'>,
    options?: CallOptions,
  ): Promise<SecurityGroupRule>;
  deleteSecurityGroup(id: string, options?: CallOptions): Promise<void>;
  /** Replaces all tags of a resource, and returns them. */
  setTags(
    collection: 'floatingips' | 'security-groups',
    id: string,
    tags: string[],
    options?: CallOptions,
  ): Promise<string[]>;
}
