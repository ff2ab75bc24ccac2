import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Client, Connection } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { NativeConnection, Runtime } from '@temporalio/worker';
import { createDataConverter } from '../codec/data-converter.js';
import type { PayloadKeys } from '../codec/keys.js';
import type { CloudLimits } from '../activities/shared/context.js';
import { connectClouds } from '../openstack/index.js';
import type { PollInterval } from '../openstack/polling/shared-poll.js';
import { findOrMakeBundle } from './bundle.js';
import { CallBudget } from './call-budget.js';
import { parseAddress, serveHealth } from './health.js';
import { createWorkerLogger } from './logger.js';
import { createWorkers, runWorkers, createStopSignal, formatWorkerIdentity } from './workers.js';

export interface WorkerOptions {
  /** Task queue of the workflows; the names of the other task queues begin with it. */
  taskQueue: string;
  /** Folder of the store, with records, documents and bodies. */
  storagePath: string;
  /** Folder for the temporary files of installer media. */
  cachePath: string;
  /** Prometheus endpoint, `host:port`. Default: none. */
  metricsAddress?: string;
  /** Health endpoint, `host:port`. Default: none. */
  healthAddress?: string;
  logFormat: 'text' | 'json';
  logLevel: string;
  /** Keys that encrypt payloads and failures. Default: nothing is encrypted. */
  payloadKeys?: PayloadKeys;
  /**
   * Temporal's deployment name and build id of this worker. An image build stays on the version that started it.
   * Default: no versioning.
   */
  version?: WorkerDeploymentVersion;
  /** Names of the clouds to serve. Default: all configured clouds. */
  clouds?: string[];
  /** CIDRs of the addresses from which this worker reaches the guests, as the guests see them. Default: detected. */
  workerAddresses?: string[];
  /** Folders of this machine from which templates may read files. Default: none. */
  filesFrom?: string[];
  /** CIDRs of the addresses, denied by default, to which this worker may connect for a template. Default: none. */
  allowAddresses?: string[];
  /** Limits by cloud name. Default: no limits. */
  limits?: CloudLimits;
  /** Shortest and longest time between two list calls to a cloud, in milliseconds. Default: 500 and 5000. */
  pollInterval?: PollInterval;
}

function installRuntime(options: WorkerOptions): void {
  Runtime.install({
    // By itself, the runtime would stop all workers at the same time. `runWorkers` stops them in order.
    shutdownSignals: [],
    logger: createWorkerLogger({ format: options.logFormat, level: options.logLevel }),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} },
      ...(options.metricsAddress === undefined
        ? {}
        : { metrics: { prometheus: { bindAddress: normaliseAddress(options.metricsAddress) } } }),
    },
  });
}

function normaliseAddress(text: string): string {
  const { host, port } = parseAddress(text);
  return `${host}:${port}`;
}

/**
 * Runs workflows and activities until the process gets SIGTERM or SIGINT. Then running activities have 10 seconds to
 * end. An activity that takes longer fails, and its next attempt on another worker continues from its last heartbeat.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  installRuntime(options);
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const clientConnection = await Connection.connect(connectionOptions);
  const client = new Client({
    connection: clientConnection,
    namespace,
    dataConverter: createDataConverter(options.payloadKeys),
  });
  const budget = new CallBudget(options.limits ?? {});
  const clouds = connectClouds({
    only: options.clouds,
    rateLimiterFor: budget.rateLimiterFor,
    warn: (remark) => {
      Runtime.instance().logger.warn(remark);
    },
  });
  try {
    await budget.start(client, options.taskQueue, formatWorkerIdentity(options.version));
    const bundle = await findOrMakeBundle(options.payloadKeys !== undefined);
    const workers = await createWorkers({ ...options, clouds, connection, client, bundle });
    const health = options.healthAddress === undefined ? undefined : await serveHealth(options.healthAddress, workers);
    await runWorkers(workers, createStopSignal());
    health?.server.close();
  } finally {
    budget.stop();
    await clouds.close();
    await clientConnection.close();
    // If one worker could not be created, the others still use the connection, and it cannot be closed. We ignore this
    // second error, so that the first one is reported.
    await connection.close().catch(() => undefined);
  }
}
