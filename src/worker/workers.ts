import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import {
  Worker,
  type NativeConnection,
  type WorkerOptions as TemporalWorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import { QUEUE_KINDS } from '../domain/task-queues.js';
import { createDataConverter } from '../codec/data-converter.js';
import type { PayloadKeys } from '../codec/keys.js';
import { createDeps, type DepsOptions } from './deps.js';
import { StepInterceptor } from './interceptor.js';
import { workerOptionsFor } from './queues.js';

/** Seconds that short calls get to end when the worker is stopped, and after which it ends whatever still runs. */
const GRACE = '10s';
const FORCE = '30s';
/** What tells a process to stop. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** How often heartbeats are sent at the most: how soon a cancellation is heard. */
const HEARTBEAT_THROTTLE = '3s';

export interface WorkersOptions extends Omit<DepsOptions, 'temporal'> {
  connection: NativeConnection;
  /** Must encrypt with the same keys. */
  client: Client;
  taskQueue: string;
  /** As `workflowBundle` makes it for a worker with or without keys. */
  bundle: WorkflowBundleOption;
  /** What payloads and failures are encrypted with. Default: nothing is. */
  payloadKeys?: PayloadKeys;
}

/** One Temporal worker a lane, all in this process. They do not poll before they are run. */
export async function createWorkers(options: WorkersOptions): Promise<Worker[]> {
  const { connection, client, taskQueue, bundle } = options;
  const activities = createActivities(createDeps({ ...options, temporal: client }));
  return Promise.all(
    QUEUE_KINDS.map((lane) =>
      Worker.create({
        connection,
        namespace: client.options.namespace,
        activities,
        dataConverter: createDataConverter(options.payloadKeys),
        ...(lane === 'control' ? { workflowBundle: bundle } : {}),
        ...workerOptionsFor(taskQueue, lane),
        identity: formatWorkerIdentity(options.version),
        ...buildVersionOptions(options.version),
        maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        shutdownGraceTime: GRACE,
        shutdownForceTime: FORCE,
        interceptors: { activity: [() => ({ inbound: new StepInterceptor() })] },
      }),
    ),
  );
}

/**
 * Runs the workers of all lanes until they are told to stop. The control lane stops when the others have: their activities ask
 * workflows, whose answers are its work.
 *
 * @param workers as `createWorkers` makes them
 */
export async function runWorkers([control, ...others]: Worker[], stop: AbortSignal): Promise<void> {
  const end = (worker: Worker | undefined): void => {
    if (worker?.getState() === 'RUNNING') worker.shutdown();
  };
  const running = Promise.all(others.map((worker) => worker.run()));
  stop.addEventListener('abort', () => others.forEach(end), { once: true });
  await Promise.all([control?.run(), running.finally(() => end(control))]);
}

/** Aborted when this process is told to stop. */
export function createStopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of STOP_SIGNALS) process.on(name, () => stop.abort());
  return stop.signal;
}

/** How Temporal knows this process. */
export function formatWorkerIdentity(version: WorkerDeploymentVersion | undefined): string {
  return `${process.pid}@${hostname()}${version === undefined ? '' : ` (${version.buildId})`}`;
}

/**
 * Every workflow is pinned: a build lasts hours, not weeks, so that its own version can wait for it, and what its
 * activities hand to each other (plan, documents, progress, the guest's journal) need be understood by that version only.
 * All lanes are of one version, because Temporal keeps an activity on its workflow's version only where workers of that
 * version poll its task queue (https://docs.temporal.io/worker-versioning).
 */
function buildVersionOptions(version: WorkerDeploymentVersion | undefined): Partial<TemporalWorkerOptions> {
  if (version === undefined) return {};
  return {
    workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
  };
}
