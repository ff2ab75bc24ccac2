import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Cloud, Clouds, Image, Server, Volume } from '../../openstack/types.js';
import type { SharedPoll } from '../../openstack/polling/shared-poll.js';
import type { Throttle } from '../../openstack/polling/throttle.js';
import type { Store } from '../../store/types.js';
import type { Journal } from '../../guest/types.js';
import type { Progress } from '../../domain/status.js';

/** What a worker shares between all builds that look at the same cloud. */
export interface CloudWatch {
  cloud: Cloud;
  /** One list call a poll, for every waiting build. */
  servers: SharedPoll<Server>;
  images: SharedPoll<Image>;
  volumes: SharedPoll<Volume>;
  /** Consoles can only be read one by one: all builds together read this often. */
  console: Throttle;
}

/** Limits of a cloud that hold for all workers together. */
export type CloudLimits = Readonly<Record<string, { maxConcurrentBuilds?: number; apiCallsPerSecond?: number }>>;

/** The ports that activities see. One object a worker. */
export interface Deps {
  clouds: Clouds;
  watch(cloudName: string): CloudWatch;
  store: Store;
  journal: Journal;
  /** For what builds share: the installer's run. */
  temporal: Client;
  /** The deployment version that the worker belongs to, where it has one. */
  version: WorkerDeploymentVersion | undefined;
  /** Names the worker in `imagefactory_creator`. */
  identity: string;
  /** Where installer media are spooled. */
  mediaDirectory: string;
  /** CIDRs that the guests see this worker under; unset: found out from the route to the guest. */
  workerAddresses: string[] | undefined;
  /** Folders of this machine whose files templates may name. */
  filesFrom: readonly string[];
  /** What the worker's configuration limits, by the cloud's name. */
  limits: CloudLimits;
  /** Milliseconds between two polls of the guest side (SSH tries); the cloud's own are in SharedPoll. */
  pollInterval: number;
}

const latest = new WeakMap<Context, Progress>();

/** Reports what is happening; the worker's interceptor repeats the last report as a heartbeat. */
export function reportProgress(report: Progress): void {
  const context = Context.current();
  latest.set(context, report);
  context.heartbeat(report);
}

/** The last report of this attempt. */
export function latestProgress(context: Context): Progress | undefined {
  return latest.get(context);
}

/** What an earlier attempt left for this one to go on from. */
export function readHeartbeatCheckpoint<T>(): T | undefined {
  const details = Context.current().info.heartbeatDetails as Progress | undefined;
  return details?.resume as T | undefined;
}

/** Aborted when the activity is to stop: cancelled, paused, or its worker shutting down. Activities never delete on it. */
export function cancellationSignal(): AbortSignal {
  const { cancellationSignal } = Context.current();
  // Every call that is under way listens to it; there is no leak for Node to warn of.
  setMaxListeners(0, cancellationSignal);
  return cancellationSignal;
}

/** Waits, and ends at once when the activity is to stop. */
export function sleep(milliseconds: number): Promise<void> {
  return Context.current().sleep(milliseconds);
}

/**
 * Asks Temporal what it can say only with the help of a worker, and ends at once when the activity is to stop: the worker
 * may be just this one, which waits for its activities. The client's own signal does not reach a call that it tries again.
 */
export function cancellable<T>({ temporal }: Pick<Deps, 'temporal'>, question: () => Promise<T>): Promise<T> {
  return Promise.race([temporal.withAbortSignal(cancellationSignal(), question), Context.current().cancelled]);
}
