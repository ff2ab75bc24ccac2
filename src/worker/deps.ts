import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { CloudLimits, CloudWatch, Deps } from '../activities/shared/context.js';
import { KEYS, TOOL } from '../domain/names.js';
import { listOwnServers } from '../activities/instance/servers.js';
import { listOwnVolumes } from '../activities/instance/volumes.js';
import { SharedPoll, type PollInterval } from '../openstack/polling/shared-poll.js';
import { Throttle } from '../openstack/polling/throttle.js';
import type { Clouds } from '../openstack/types.js';
import { GuestJournal } from '../guest/journal.js';
import { AddressPolicy } from '../media/addresses.js';
import { ImageCache } from '../store/image-cache.js';
import { Space } from '../store/space.js';
import { Providers } from '../providers/providers.js';
import { FileStore } from '../store/file-store.js';

export interface DepsOptions {
  clouds: Clouds;
  temporal: Client;
  storagePath: string;
  cachePath: string;
  /** The most bytes that downloaded images take in the cache while nobody uses them. Default 50 GiB. */
  imageCacheSize?: number;
  workerAddresses?: string[];
  /** Folders of this machine from which templates may read files. Default: none. */
  filesFrom?: string[];
  /** CIDRs of the addresses, denied by default, to which this worker may connect for a template. Default: none. */
  allowAddresses?: string[];
  /** The services to which images are pushed. Default: none. */
  providers?: Providers;
  /** The version of this program. */
  release: string;
  /** The deployment version of the worker. Default: the worker has no version. */
  version?: WorkerDeploymentVersion;
  /** Limits by cloud name. Default: no limits. */
  limits?: CloudLimits;
  /** Shortest and longest time between two list calls to a cloud, in milliseconds. Default: 500 and 5000. */
  pollInterval?: PollInterval;
}

/** Default of {@link DepsOptions.imageCacheSize}. */
const IMAGE_CACHE_SIZE = 50 * 1024 ** 3;

/** Maximum number of console reads per second in a cloud, for all builds of this worker together. */
const CONSOLE_READS = 2;

function createCloudWatches(clouds: Clouds, pace: PollInterval): (name: string) => CloudWatch {
  const watches = new Map<string, CloudWatch>();
  return (name) => {
    const existing = watches.get(name);
    if (existing !== undefined) return existing;
    const cloud = clouds.get(name);
    const watch: CloudWatch = {
      cloud,
      servers: new SharedPoll(() => listOwnServers({ clouds }, name), pace),
      images: new SharedPoll(() => cloud.image.listImages({ properties: { [KEYS.tool]: TOOL } }), pace),
      volumes: new SharedPoll(() => listOwnVolumes({ clouds }, name), pace),
      console: new Throttle(CONSOLE_READS),
    };
    watches.set(name, watch);
    return watch;
  };
}

/** Creates the dependencies of a worker's activities. */
export function createDeps(options: DepsOptions): Deps {
  const images = join(options.cachePath, 'images');
  const pace = options.pollInterval ?? { shortest: 500, longest: 5000 };
  return {
    clouds: options.clouds,
    watch: createCloudWatches(options.clouds, pace),
    store: new FileStore(options.storagePath),
    journal: new GuestJournal(),
    temporal: options.temporal,
    version: options.version,
    release: options.release,
    identity: `${hostname()}:${process.pid}`,
    providers: options.providers ?? new Providers(),
    mediaDirectory: join(options.cachePath, 'media'),
    imageCache: new ImageCache(images, options.imageCacheSize ?? IMAGE_CACHE_SIZE),
    space: new Space([options.storagePath, images]),
    workerAddresses: options.workerAddresses,
    access: { directories: options.filesFrom ?? [], addresses: new AddressPolicy(options.allowAddresses) },
    limits: options.limits ?? {},
    pollInterval: Math.min(2000, pace.longest),
  };
}
