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
  /** Default `imagefactory`. */
  taskQueue: string;
  /** Where records and bodies are kept. */
  storagePath: string;
  /** Where installer media are spooled. */
  cachePath: string;
  /** Prometheus endpoint, `host:port`. Default: none. */
  metricsAddress?: string;
  /** Health endpoint, `host:port`. Default: none. */
  healthAddress?: string;
  logFormat: 'text' | 'json';
  logLevel: string;
  /** What everything in Temporal is encrypted with. Default: nothing is. */
  payloadKeys?: PayloadKeys;
  /** Deployment and build id; builds stay with those of the worker that began them. Default: no versioning. */
  version?: WorkerDeploymentVersion;
  /** Names of the clouds to serve. Default: all that the worker knows. */
  clouds?: string[];
  /** CIDRs that the guests see this worker under. Default: found out. */
  workerAddresses?: string[];
  /** Folders of this machine whose files templates may name. Default: none. */
  filesFrom?: string[];
  /** Limits of clouds, by their names. Default: none. */
  limits?: CloudLimits;
  /** How often the clouds are looked at. */
  pollInterval?: PollInterval;
}

function installRuntime(options: WorkerOptions): void {
  Runtime.install({
    // It would stop all lanes at a time.
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
 * Hosts workflows and activities until the process is told to stop (SIGTERM, SIGINT). Running activities get some seconds
 * to end; what takes longer is handed to the next worker, which goes on from its last report.
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
  const clouds = connectClouds({ only: options.clouds, rateLimiterFor: budget.rateLimiterFor });
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
    // Where one lane could not be made, the others still hold the connection: why it could not is what to tell.
    await connection.close().catch(() => undefined);
  }
}
