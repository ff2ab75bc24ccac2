import type { CallOptions } from '../http/call-options.js';

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
  getConsoleOutput(id: string, lines?: number, options?: CallOptions): Promise<string>;
  /** Sums of the server's disk and network counters in bytes, or undefined where we may not see them. */
  getTraffic(id: string, options?: CallOptions): Promise<{ disk: number; network: number } | undefined>;
  listFlavors(options?: CallOptions): Promise<Flavor[]>;
  /** By id first, then by name. */
  findFlavor(idOrName: string, options?: CallOptions): Promise<Flavor | undefined>;
  listKeyPairs(options?: CallOptions): Promise<KeyPair[]>;
  getKeyPair(name: string, options?: CallOptions): Promise<KeyPair | undefined>;
  createKeyPair(name: string, publicKey: string, options?: CallOptions): Promise<KeyPair>;
  deleteKeyPair(name: string, options?: CallOptions): Promise<void>;
  /** Absolute limits: maxTotalInstances, totalInstancesUsed, maxTotalCores, totalCoresUsed, maxTotalRAMSize, … */
  getLimits(options?: CallOptions): Promise<Record<string, number>>;
}
