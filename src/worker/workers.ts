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
import { removeLeftFiles } from '../activities/convert/remove-left-files.js';
import { BuildMaskers } from '../activities/shared/build-maskers.js';
import { defined } from '../domain/defined.js';
import { QUEUE_KINDS, type QueueKind } from '../domain/task-queues.js';
import { createDataConverter } from '../codec/data-converter.js';
import type { PayloadKeys } from '../codec/keys.js';
import { createDeps, type DepsOptions } from './deps.js';
import { StepInterceptor } from './interceptor.js';
import { workerOptionsFor } from './queues.js';

/**
 * `GRACE` is the time that activities have to end when the worker is stopped. After `FORCE`, the worker stops even if
 * activities still run.
 */
const GRACE = '10s';
const FORCE = '30s';
/** The signals that stop the process. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/**
 * The shortest time between two heartbeats that the worker sends. It decides how soon an activity notices a
 * cancellation.
 */
const HEARTBEAT_THROTTLE = '3s';

export interface WorkersOptions extends Omit<DepsOptions, 'temporal'> {
  connection: NativeConnection;
  /** A client that uses the same `payloadKeys`. */
  client: Client;
  taskQueue: string;
  /** The kinds of task queue that the workers poll. Default: all. */
  lanes?: readonly QueueKind[];
  /** The result of `findOrMakeBundle`, which must be called with true when `payloadKeys` is set. */
  bundle: WorkflowBundleOption;
  /** Keys that encrypt payloads and failures. Default: nothing is encrypted. */
  payloadKeys?: PayloadKeys;
}

/**
 * Creates one Temporal worker for each kind of task queue that is chosen, all in this process. They begin to poll in
 * `runWorkers`.
 */
export async function createWorkers(options: WorkersOptions): Promise<Worker[]> {
  const { connection, client, taskQueue, bundle, lanes = QUEUE_KINDS } = options;
  const deps = createDeps({ ...options, temporal: client });
  await removeLeftFiles(deps);
  const activities = createActivities(deps);
  const maskers = new BuildMaskers(deps.store);
  const created = await Promise.allSettled(
    lanes.map((kind) =>
      Worker.create({
        connection,
        namespace: client.options.namespace,
        activities,
        dataConverter: createDataConverter(options.payloadKeys),
        ...defined({ workflowBundle: kind === 'control' ? bundle : undefined }),
        ...workerOptionsFor(taskQueue, kind),
        identity: formatWorkerIdentity(options.version),
        ...buildVersionOptions(options.version),
        maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
        shutdownGraceTime: GRACE,
        shutdownForceTime: FORCE,
        interceptors: { activity: [() => ({ inbound: new StepInterceptor(maskers) })] },
      }),
    ),
  );
  const workers = created.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = created.find((result) => result.status === 'rejected');
  if (failed === undefined) return workers;
  // Runs each created worker for a moment, so that it shuts down. A worker that never ran would keep its connection
  // open for ever, and the process could not end.
  await Promise.all(workers.map((worker) => worker.runUntil(Promise.resolve()).catch(() => undefined)));
  throw failed.reason;
}

/**
 * Runs all workers until `stop` is aborted. The worker that runs workflows stops last, because the activities of the
 * other workers query workflows.
 *
 * @param workers the result of `createWorkers`
 */
export async function runWorkers(workers: Worker[], stop: AbortSignal): Promise<void> {
  const control = workers.find(({ options }) => options.workflowBundle !== undefined);
  const others = workers.filter((worker) => worker !== control);
  const end = (worker: Worker | undefined): void => {
    if (worker?.getState() === 'RUNNING') worker.shutdown();
  };
  const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  void stopped.then(() => others.forEach(end));
  const othersEnd = others.length === 0 ? stopped : Promise.all(others.map((worker) => worker.run()));
  await Promise.all([control?.run(), Promise.resolve(othersEnd).finally(() => end(control))]);
}

/** Returns a signal that is aborted when this process gets SIGTERM or SIGINT. */
export function createStopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of STOP_SIGNALS) process.on(name, () => stop.abort());
  return stop.signal;
}

/** Formats the identity under which Temporal lists this process. */
export function formatWorkerIdentity(version: WorkerDeploymentVersion | undefined): string {
  return `${process.pid}@${hostname()}${version === undefined ? '' : ` (${version.buildId})`}`;
}

/**
 * Pins every workflow to the version of its first worker. A build lasts hours and not weeks, so the workers of its
 * version can stay until it ends. Only workers of that version need to read the data that the activities of the build
 * exchange (plan, documents, progress, the guest's journal).
 *
 * All task queues get the same version, because Temporal keeps an activity on its workflow's version only if workers of
 * that version poll its task queue (https://docs.temporal.io/worker-versioning).
 */
function buildVersionOptions(version: WorkerDeploymentVersion | undefined): Partial<TemporalWorkerOptions> {
  if (version === undefined) return {};
  return {
    workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
  };
}
