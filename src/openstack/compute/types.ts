import type { CallOptions } from '../../http/call-options.js';

/** https://docs.openstack.org/api-ref/compute/#servers-servers */
export interface Server {
  id: string;
  name: string;
  /** Nova's status, such as ACTIVE, BUILD, SHUTOFF, ERROR, DELETED or SOFT_DELETED. */
  status: string;
  metadata: Record<string, string>;
  tags?: string[];
  /** The addresses of the server, by the name of their network. */
  addresses: Record<string, { addr: string; version: number; 'OS-EXT-IPS:type'?: 'fixed' | 'floating' }[]>;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-STS:vm_state': string;
  /** The state of the virtual machine: 1 means running, 4 means shut down. */
  'OS-EXT-STS:power_state'?: number;
  fault?: { code: number; message: string; details?: string; created?: string };
  flavor?: unknown;
  image?: unknown;
  created: string;
  /** Time of the last change of the server's state. */
  updated?: string;
  /** Time when the virtual machine first started: UTC, without a time zone in the text. */
  'OS-SRV-USG:launched_at'?: string | null;
}

export interface CreateServer {
  name: string;
  /** Id of the image of the server's root disk; absent when the server boots from a volume. */
  imageRef?: string;
  flavorRef: string;
  networks: { uuid: string }[] | 'auto' | 'none';
  key_name?: string;
  /** Base64 text of at most 65,535 characters. */
  user_data?: string;
  metadata?: Record<string, string>;
  /** Server tags (microversion 2.52). */
  tags?: string[];
  security_groups?: { name: string }[];
  availability_zone?: string;
  config_drive?: boolean;
  /**
   * All disks of the server. Absent if the only disk is a copy of `imageRef`; if present, the list must contain that
   * copy too.
   */
  block_device_mapping_v2?: BlockDevice[];
}

/**
 * One entry of `block_device_mapping_v2`: a disk of a server
 * (https://docs.openstack.org/api-ref/compute/#create-server).
 */
export interface BlockDevice {
  /** Boot order, without gaps: the firmware tries 0 first. Negative: the firmware never tries this disk. */
  boot_index: number;
  /** Id of the image or the volume. */
  uuid?: string;
  source_type: 'image' | 'volume' | 'blank';
  destination_type: 'local' | 'volume';
  /** The type of the device. Default: `disk`. */
  device_type?: 'disk' | 'cdrom';
  delete_on_termination: boolean;
  /** Size in GiB of a disk that Nova creates together with the server. */
  volume_size?: number;
}

export interface Flavor {
  id: string;
  name: string;
  /** Memory in MiB. */
  ram: number;
  vcpus: number;
  /** Size of the root disk in GiB; 0 means that the root disk is as large as the image. */
  disk: number;
}

export interface KeyPair {
  name: string;
  public_key: string;
  fingerprint?: string;
  /** Time of the creation: UTC, without a time zone in the text. Only `getKeyPair` returns it. */
  created_at?: string;
}

export interface Compute {
  /**
   * Lists the project's servers, with details, over all pages. `tags`: only servers that have all of these tags;
   * `name`: only servers with exactly this name.
   */
  listServers(query?: { tags?: string[]; name?: string }, options?: CallOptions): Promise<Server[]>;
  getServer(id: string, options?: CallOptions): Promise<Server | undefined>;
  createServer(request: CreateServer, options?: CallOptions): Promise<{ id: string }>;
  deleteServer(id: string, options?: CallOptions): Promise<void>;
  /**
   * Stops the server gracefully: Nova presses the ACPI power button, and switches the server off if the guest has not
   * stopped within Nova's own timeout.
   */
  stopServer(id: string, options?: CallOptions): Promise<void>;
  startServer(id: string, options?: CallOptions): Promise<void>;
  /** Sets these keys of the server's metadata; other keys stay as they are. */
  setServerMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /** Starts a snapshot (`createImage`) and returns the image's id (microversion 2.45). */
  createServerImage(id: string, name: string, metadata: Record<string, string>, options?: CallOptions): Promise<string>;
  /**
   * Returns the last `lines` lines of the console output; by default, all lines. Returns an empty text if Nova has no
   * console for the server.
   */
  getConsoleOutput(id: string, lines?: number, options?: CallOptions): Promise<string>;
  /**
   * Returns the sums of the server's disk counters and network counters, in bytes; undefined if Nova does not return
   * the counters to us.
   */
  getTraffic(id: string, options?: CallOptions): Promise<{ disk: number; network: number } | undefined>;
  listFlavors(options?: CallOptions): Promise<Flavor[]>;
  /** Finds a flavor by its id, else by its name. */
  findFlavor(idOrName: string, options?: CallOptions): Promise<Flavor | undefined>;
  listKeyPairs(options?: CallOptions): Promise<KeyPair[]>;
  getKeyPair(name: string, options?: CallOptions): Promise<KeyPair | undefined>;
  createKeyPair(name: string, publicKey: string, options?: CallOptions): Promise<KeyPair>;
  deleteKeyPair(name: string, options?: CallOptions): Promise<void>;
  /** Returns the project's absolute limits by name, such as maxTotalInstances, totalInstancesUsed and maxTotalCores. */
  getLimits(options?: CallOptions): Promise<Record<string, number>>;
}
