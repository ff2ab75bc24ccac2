/** The state of the fake cloud: all resources. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface FakeFlavor {
  id: string;
  name: string;
  /** Memory in MiB. */
  ram: number;
  vcpus: number;
  /** Size of the root disk in GiB. */
  disk: number;
}

/** The disk formats that Glance accepts by default. */
export const DISK_FORMATS = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'];

/** The facts about an install medium that the fake cloud has read from the medium's image. */
export interface BootMedium {
  /** Whether the medium has a boot loader that the firmware starts. */
  bootable: boolean;
  /**
   * The kernel command line in the configuration of imagefactory's boot loader. Undefined when the medium has its
   * original boot loader.
   */
  commandLine?: string;
  /** The size of each file in bytes, by path without a leading slash. */
  files: ReadonlyMap<string, number>;
}

/** The content of a disk or a medium: only the facts that decide what a machine of this cloud boots. */
export interface DiskContent {
  /**
   * The folder with the files that were saved from a guest's disk. A new disk starts as a copy of this folder. Unset
   * when the content was not saved from a guest.
   */
  disk?: string;
  /** The kernel command line with which the disk's boot loader starts an installer. Unset when it starts none. */
  startsWith?: string;
  /** True when the disk has no boot loader. Otherwise unset. */
  blank?: boolean;
  /** The install medium. Unset when the content is a disk. */
  medium?: BootMedium;
}

/** A task of Glance that imports an image. */
export interface FakeImageTask {
  id: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  message: string;
  /** The body of the import request. */
  request: Record<string, unknown>;
  requestId: string;
  createdAt: number;
  endedAt?: number;
}

export interface FakeImage {
  id: string;
  name: string | null;
  status: string;
  size: number | null;
  virtual_size: number | null;
  checksum: string | null;
  os_hash_value: string | null;
  disk_format: string | null;
  container_format: string | null;
  visibility: string;
  /** Id of the project that has made the image. Unset: the project of the cloud. */
  owner?: string;
  protected: boolean;
  os_hidden: boolean;
  min_disk: number;
  min_ram: number;
  tags: string[];
  properties: Record<string, string>;
  /** Properties that only Glance may set: the progress of an import. */
  reserved: Record<string, string>;
  /** The import tasks of the image, the newest first. */
  /** Ids of the projects that may use the image. */
  members: string[];
  tasks: FakeImageTask[];
  createdAt: number;
  updatedAt: number;
  /** Path of the file with the image's bytes. Unset when the image has no bytes. */
  file?: string;
  content: DiskContent;
}

export interface FakeAttachment {
  id: string;
  serverId: string;
  /** Name of the device in the server, such as `/dev/vda`. */
  device: string;
  attachedAt: number;
}

export interface FakeVolume {
  id: string;
  name: string | null;
  description: string | null;
  status: string;
  /** Size in GiB. */
  size: number;
  bootable: boolean;
  metadata: Record<string, string>;
  /** The image metadata: copied from the volume's image, or set later by a caller. Unset when the volume has none. */
  imageMetadata?: Record<string, string>;
  attachments: FakeAttachment[];
  content: DiskContent;
  createdAt: number;
  updatedAt: number | null;
}

/** A snapshot of a volume: Nova creates it when a caller requests an image of a volume-backed server. */
export interface FakeVolumeSnapshot {
  id: string;
  name: string;
  volumeId: string;
}

/** A user message of Cinder, which says why an operation on a volume failed. */
export interface FakeVolumeMessage {
  id: string;
  volumeId: string;
  /** The numbers of the action that failed and of the reason: `<action>_<detail>`. */
  event: string;
  words: string;
  requestId: string;
  createdAt: number;
}

/** A volume that is a disk or a CD-ROM drive of a server. */
export interface FakeDrive {
  volumeId: string;
  bootIndex: number;
  isCdrom: boolean;
  deleteOnTermination: boolean;
  device: string;
}

export interface FakeServer {
  id: string;
  number: number;
  name: string;
  description: string | null;
  flavor: FakeFlavor;
  /** Id of the boot image. Empty for a server that boots from a volume. */
  imageId: string;
  /** The properties of the boot image, or of the root volume, at the server's creation. */
  imageProperties: Record<string, string>;
  metadata: Record<string, string>;
  tags: string[];
  keyName: string | null;
  publicKey?: string;
  /** The kernel command line, from image properties or from imagefactory's boot loader. Empty when there is none. */
  commandLine: string;
  /** The user data in base64. */
  userData: string | null;
  configDrive: boolean;
  status: string;
  vmState: string;
  taskState: string | null;
  powerState: number;
  fault?: { code: number; message: string; details?: string; created: number };
  created: number;
  updated: number;
  launchedAt: number | null;
  console: string;
  /** Number of bytes that the server's installer or guest has moved over the disk and the network. */
  traffic: { disk: number; network: number };
  /** What the server boots, see `chooseBoot` in `boot-order.ts`. */
  boots: 'installer' | 'disk' | 'nothing';
  /** The content of the root disk. For a volume-backed server this is the content of the root volume. */
  root: DiskContent;
  /** The volumes that are the server's disks and CD-ROM drives, the root volume first. */
  drives: FakeDrive[];
  securityGroups: string[];
  gone: boolean;
}

export interface FakeNetwork {
  id: string;
  name: string;
  external: boolean;
  shared: boolean;
  subnets: string[];
  tags: string[];
  created: number;
}

export interface FakeSubnet {
  id: string;
  name: string;
  network_id: string;
  cidr: string;
  gateway_ip: string;
  pool: { start: string; end: string };
  created: number;
}

export interface FakePort {
  id: string;
  name: string;
  network_id: string;
  mac_address: string;
  status: string;
  device_id: string;
  device_owner: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  security_groups: string[];
  tags: string[];
  created: number;
}

export interface FakeRouter {
  id: string;
  name: string;
  external: string;
  created: number;
}

export interface FakeFloatingIp {
  id: string;
  floating_ip_address: string;
  floating_network_id: string;
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  status: string;
  description: string;
  tags: string[];
  created: number;
  updated: number;
}

export interface FakeRule {
  id: string;
  security_group_id: string;
  direction: string;
  ethertype: string;
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  description: string | null;
  created: number;
}

export interface FakeSecurityGroup {
  id: string;
  name: string;
  description: string;
  rules: FakeRule[];
  tags: string[];
  created: number;
  updated: number;
}

export interface FakeKeyPair {
  id: number;
  name: string;
  public_key: string;
  fingerprint: string;
  created: number;
}

/** The quotas of the project. The value -1 means no limit. */
export interface Quotas {
  instances: number;
  cores: number;
  /** Memory of all servers together, in MiB. */
  ram: number;
  floatingIps: number;
  securityGroups: number;
  keyPairs: number;
  ports: number;
  volumes: number;
  /** Size of all volumes together, in GiB. */
  gigabytes: number;
}

const DEFAULT_QUOTAS: Quotas = {
  instances: -1,
  cores: -1,
  ram: -1,
  floatingIps: -1,
  securityGroups: -1,
  keyPairs: -1,
  ports: -1,
  volumes: -1,
  gigabytes: -1,
};

/** Generates an id of 32 hexadecimal digits, as Keystone does. */
export function hexId(): string {
  return randomBytes(16).toString('hex');
}

export class CloudState {
  readonly projectId = hexId();
  readonly userId = hexId();
  readonly flavors = new Map<string, FakeFlavor>();
  readonly images = new Map<string, FakeImage>();
  /** Ids of deleted images. Glance does not accept them for new images. */
  readonly deletedImageIds = new Set<string>();
  readonly servers = new Map<string, FakeServer>();
  /** Names of all servers that were ever created, in order. */
  readonly serversMade: string[] = [];
  readonly keyPairs = new Map<string, FakeKeyPair>();
  readonly networks = new Map<string, FakeNetwork>();
  readonly subnets = new Map<string, FakeSubnet>();
  readonly ports = new Map<string, FakePort>();
  readonly routers = new Map<string, FakeRouter>();
  readonly floatingIps = new Map<string, FakeFloatingIp>();
  readonly securityGroups = new Map<string, FakeSecurityGroup>();
  readonly volumes = new Map<string, FakeVolume>();
  readonly volumeSnapshots = new Map<string, FakeVolumeSnapshot>();
  /** All user messages of Cinder, the newest first. */
  readonly volumeMessages: FakeVolumeMessage[] = [];
  readonly quotas: Quotas = { ...DEFAULT_QUOTAS };
  /** The `disk_format`s that Glance accepts. */
  diskFormats: readonly string[] = DISK_FORMATS;
  /**
   * The ports by `device_id`. This index makes lists fast: a list of hundreds of servers needs the ports of each
   * server.
   */
  private readonly portsByDevice = new Map<string, FakePort[]>();
  private counter = 0;

  nextNumber(): number {
    return ++this.counter;
  }

  addPort(port: FakePort): void {
    this.ports.set(port.id, port);
    this.portsByDevice.set(port.device_id, [...this.findPorts(port.device_id), port]);
  }

  removePort(port: FakePort): void {
    this.ports.delete(port.id);
    const others = this.findPorts(port.device_id).filter((other) => other !== port);
    if (others.length > 0) this.portsByDevice.set(port.device_id, others);
    else this.portsByDevice.delete(port.device_id);
  }

  findPorts(serverId: string): FakePort[] {
    return this.portsByDevice.get(serverId) ?? [];
  }

  findFloatingIps(portId: string): FakeFloatingIp[] {
    return [...this.floatingIps.values()].filter((floating) => floating.port_id === portId);
  }

  addSecurityGroup(name: string, description: string): FakeSecurityGroup {
    const now = Date.now();
    const group: FakeSecurityGroup = {
      id: randomUUID(),
      name,
      description,
      rules: [],
      tags: [],
      created: now,
      updated: now,
    };
    for (const ethertype of ['IPv4', 'IPv6'])
      group.rules.push(createRule(group.id, { direction: 'egress', ethertype }));
    this.securityGroups.set(group.id, group);
    return group;
  }
}

/** Creates a rule of a security group. Fields that are not given get default values. */
export function createRule(groupId: string, given: Partial<FakeRule>): FakeRule {
  return {
    id: randomUUID(),
    security_group_id: groupId,
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    remote_group_id: null,
    description: null,
    created: Date.now(),
    ...given,
  };
}

/** Adds the security group `default`, which every project has. */
export function addDefaultSecurityGroup(state: CloudState): void {
  const group = state.addSecurityGroup('default', 'Default security group');
  for (const ethertype of ['IPv4', 'IPv6']) {
    group.rules.push(createRule(group.id, { direction: 'ingress', ethertype, remote_group_id: group.id }));
  }
}
