/**
 * What the rest of the program sees of an OpenStack cloud. Field names are the APIs' own; only what we use is typed.
 * Every call takes an optional AbortSignal, ends within its deadline, and throws FactoryError (class, message of the
 * service, request id). "find" and "get" answer undefined when there is no such thing; "delete" of something gone succeeds.
 */
import type { Images } from './image/types.js';
import type { Volumes } from './volume/types.js';

export type * from './image/types.js';
export type * from './volume/types.js';

export interface CallOptions {
  signal?: AbortSignal;
}

/** One cloud, signed in lazily at the first call. Safe to use from many builds at once; the token is renewed on 401. */
export interface Cloud {
  /** The name under which the worker knows it. */
  readonly name: string;
  /** The region, where the configuration names one. */
  readonly region: string | undefined;
  readonly compute: Compute;
  readonly image: Images;
  readonly network: Network;
  readonly volume: Volumes;
  /** The project that we are signed in to. */
  projectId(options?: CallOptions): Promise<string>;
  close(): Promise<void>;
}

/** https://docs.openstack.org/api-ref/compute/#servers-servers */
export interface Server {
  id: string;
  name: string;
  /** ACTIVE, BUILD, SHUTOFF, ERROR, DELETED, SOFT_DELETED, … */
  status: string;
  metadata: Record<string, string>;
  tags?: string[];
  /** Network name → addresses. */
  addresses: Record<string, { addr: string; version: number; 'OS-EXT-IPS:type'?: 'fixed' | 'floating' }[]>;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-STS:vm_state': string;
  /** 1 running, 4 shut down. */
  'OS-EXT-STS:power_state'?: number;
  fault?: { code: number; message: string; details?: string; created?: string };
  flavor?: unknown;
  image?: unknown;
  created: string;
  /** When its state was changed last. */
  updated?: string;
  /** When its machine was started for the first time: in UTC, though it does not say so. */
  'OS-SRV-USG:launched_at'?: string | null;
}

export interface CreateServer {
  name: string;
  /** What its root disk is copied from; none where it boots from a volume. */
  imageRef?: string;
  flavorRef: string;
  networks: { uuid: string }[] | 'auto' | 'none';
  key_name?: string;
  /** Base64 of at most 65,535 bytes. */
  user_data?: string;
  metadata?: Record<string, string>;
  /** Server tags (microversion 2.52). */
  tags?: string[];
  security_groups?: { name: string }[];
  availability_zone?: string;
  config_drive?: boolean;
  /** All of its disks, if there are others than a copy of `imageRef`, which is then one of them. */
  block_device_mapping_v2?: BlockDevice[];
}

/** A disk of a server, in the words of `block_device_mapping_v2` (https://docs.openstack.org/api-ref/compute/#create-server). */
export interface BlockDevice {
  /** Its place in the order in which the firmware tries the disks, 0 first and none left out; negative: never. */
  boot_index: number;
  /** Of the image or the volume. */
  uuid?: string;
  source_type: 'image' | 'volume' | 'blank';
  destination_type: 'local' | 'volume';
  /** Default `disk`. */
  device_type?: 'disk' | 'cdrom';
  delete_on_termination: boolean;
  /** GiB, of one that is made for the server. */
  volume_size?: number;
}

export interface Flavor {
  id: string;
  name: string;
  /** MiB. */
  ram: number;
  vcpus: number;
  /** GiB; 0 means as large as the image. */
  disk: number;
}

export interface KeyPair {
  name: string;
  public_key: string;
  fingerprint?: string;
  /** Only of one that was asked for by name. UTC without a zone. */
  created_at?: string;
}

export interface Compute {
  /** All servers of the project that carry every tag, with details, over all pages. */
  listServers(query?: { tags?: string[]; name?: string }, options?: CallOptions): Promise<Server[]>;
  getServer(id: string, options?: CallOptions): Promise<Server | undefined>;
  createServer(request: CreateServer, options?: CallOptions): Promise<{ id: string }>;
  deleteServer(id: string, options?: CallOptions): Promise<void>;
  /** Graceful stop: the guest gets the ACPI button, and is switched off after Nova's own time. */
  stopServer(id: string, options?: CallOptions): Promise<void>;
  startServer(id: string, options?: CallOptions): Promise<void>;
  /** Adds these pairs to a server's metadata, replacing those of the same keys; the others stay. */
  setServerMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /** Starts a snapshot (`createImage`), answers the image's id (microversion 2.45). */
  createServerImage(id: string, name: string, metadata: Record<string, string>, options?: CallOptions): Promise<string>;
  /** The last `lines` lines of the console, all without. Empty where the cloud has none. */
  consoleOutput(id: string, lines?: number, options?: CallOptions): Promise<string>;
  /** Sums of the server's disk and network counters in bytes, or undefined where we may not see them. */
  traffic(id: string, options?: CallOptions): Promise<{ disk: number; network: number } | undefined>;
  listFlavors(options?: CallOptions): Promise<Flavor[]>;
  /** By id first, then by name. */
  findFlavor(idOrName: string, options?: CallOptions): Promise<Flavor | undefined>;
  listKeyPairs(options?: CallOptions): Promise<KeyPair[]>;
  getKeyPair(name: string, options?: CallOptions): Promise<KeyPair | undefined>;
  createKeyPair(name: string, publicKey: string, options?: CallOptions): Promise<KeyPair>;
  deleteKeyPair(name: string, options?: CallOptions): Promise<void>;
  /** Absolute limits: maxTotalInstances, totalInstancesUsed, maxTotalCores, totalCoresUsed, maxTotalRAMSize, … */
  limits(options?: CallOptions): Promise<Record<string, number>>;
}

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
  /** The external network that a router leads to from the given network, if there is one. */
  externalNetworkOf(networkId: string, options?: CallOptions): Promise<string | undefined>;
  listFloatingIps(
    query?: { tags?: string[]; port_id?: string; description?: string },
    options?: CallOptions,
  ): Promise<FloatingIp[]>;
  /** Created with the description, then tagged; a create whose tagging failed is found again by its description. */
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
  /** Replaces the tags of a thing, and answers them. */
  setTags(
    collection: 'floatingips' | 'security-groups',
    id: string,
    tags: string[],
    options?: CallOptions,
  ): Promise<string[]>;
}

/** The clouds that a worker can reach, by the names of `clouds.yaml` (and `envvars` for `OS_*`). */
export interface Clouds {
  /** @throws FactoryError UnknownCloud naming those that are known. */
  get(name: string): Cloud;
  names(): string[];
  close(): Promise<void>;
}
