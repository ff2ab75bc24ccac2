import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Cloud, Clouds, Image, Server, Volume } from '../../openstack/types.js';
import type { SharedPoll } from '../../openstack/polling/shared-poll.js';
import type { Throttle } from '../../openstack/polling/throttle.js';
import type { MediaAccess } from '../../media/source.js';
import type { Providers } from '../../providers/providers.js';
import type { ImageCache } from '../../store/image-cache.js';
import type { Space } from '../../store/space.js';
import type { Store } from '../../store/types.js';
import type { Journal } from '../../guest/types.js';
import type { Progress } from '../../domain/status.js';
import { createMasker, type Masker } from '../../planning/masker.js';
import { maskTexts } from '../../planning/mask-texts.js';

/** The polls of one cloud, which all builds on a worker share. */
export interface CloudWatch {
  cloud: Cloud;
  /** Each poll makes one list call, which serves all waiting builds. */
  servers: SharedPoll<Server>;
  images: SharedPoll<Image>;
  volumes: SharedPoll<Volume>;
  /** Limits the rate of console reads of all builds together, because one call to Nova returns only one console. */
  console: Throttle;
}

/** Limits of each cloud, for all workers together. */
export type CloudLimits = Readonly<Record<string, { maxConcurrentBuilds?: number; apiCallsPerSecond?: number }>>;

/**
 * The interfaces to the outside world (store, clouds, Temporal and others) and the settings that activities use. Each
 * worker has one such object.
 */
export interface Deps {
  clouds: Clouds;
  watch(cloudName: string): CloudWatch;
  store: Store;
  journal: Journal;
  /** The client for workflows that builds share, such as the installer's run. */
  temporal: Client;
  /** The worker's deployment version. Undefined when the worker has none. */
  version: WorkerDeploymentVersion | undefined;
  /** The version of this program, which the property `imagefactory_version` of images shows. */
  release: string;
  /** The worker's name, which the property `imagefactory_creator` of resources shows. */
  identity: string;
  /** The services to which images are pushed. */
  providers: Providers;
  /** Folder for fetched installer media. */
  mediaDirectory: string;
  /** Downloaded images that are converted. */
  imageCache: ImageCache;
  /** Shares out the disk space of the store and of the image cache. */
  space: Space;
  /** CIDRs from which guests see this worker. Default: the local address on the route to the guest. */
  workerAddresses: string[] | undefined;
  /** The folders and addresses that the worker's operator has opened to templates. */
  access: Required<MediaAccess>;
  /** The limits of the worker's configuration, keyed by the cloud's name. */
  limits: CloudLimits;
  /**
   * Milliseconds between two polls that an activity makes itself, such as tries to connect by SSH. The list calls of a
   * cloud have their own interval, in SharedPoll.
   */
  pollInterval: number;
}

const maskers = new WeakMap<Context, Masker>();

/** Sets the masker of the secrets of the activity's build. The worker's interceptor calls this. */
export function setMasker(context: Context, masker: Masker): void {
  maskers.set(context, masker);
}

/**
 * Returns the masker of the activity's build. The worker masks progress, results and failures by itself; an activity
 * masks only the texts that it writes into a document for people.
 */
export function currentMasker(): Masker {
  return maskers.get(Context.current()) ?? createMasker([]);
}

const latest = new WeakMap<Context, Progress>();

/** Reports progress, without secrets. The worker's interceptor repeats the last report as a heartbeat. */
export function reportProgress(report: Progress): void {
  const context = Context.current();
  const masked = maskTexts(report, currentMasker());
  latest.set(context, masked);
  context.heartbeat(masked);
}

/** Returns the last report of this attempt. */
export function latestProgress(context: Context): Progress | undefined {
  return latest.get(context);
}

/** Reads the checkpoint from the heartbeat of an earlier attempt. */
export function readHeartbeatCheckpoint<T>(): T | undefined {
  const details = Context.current().info.heartbeatDetails as Progress | undefined;
  return details?.resume as T | undefined;
}

/**
 * Returns the signal that aborts when the activity must stop, because it is cancelled or paused, or because its worker
 * shuts down. This signal alone is never a reason for an activity to delete anything.
 */
export function cancellationSignal(): AbortSignal {
  const { cancellationSignal } = Context.current();
  // Every call in progress listens to this signal, so Node's warning about a leak of listeners would be wrong.
  setMaxListeners(0, cancellationSignal);
  return cancellationSignal;
}

/** Waits for a time, and throws at once when the activity must stop. */
export function sleep(milliseconds: number): Promise<void> {
  return Context.current().sleep(milliseconds);
}

/**
 * Sends Temporal a request that a worker must answer, such as a query, and throws at once when the activity must stop.
 * This is necessary because that worker may be this one, which waits for its activities before it stops. The client's
 * own signal does not stop a call that the client retries.
 */
export function cancellable<T>({ temporal }: Pick<Deps, 'temporal'>, question: () => Promise<T>): Promise<T> {
  return Promise.race([temporal.withAbortSignal(cancellationSignal(), question), Context.current().cancelled]);
}
