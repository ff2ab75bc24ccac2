import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Client, Connection } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { NativeConnection, Runtime, type PrometheusMetricsExporter, type Worker } from '@temporalio/worker';
import { createDataConverter } from '../codec/data-converter.js';
import type { PayloadKeys } from '../codec/keys.js';
import type { CloudLimits } from '../activities/shared/context.js';
import { defined } from '../domain/defined.js';
import { FactoryError } from '../domain/errors.js';
import type { QueueKind } from '../domain/task-queues.js';
import { DURATION_BUCKETS, METRICS as METRICS_OF_BUILDS } from '../domain/metrics.js';
import { connectClouds } from '../openstack/index.js';
import { Providers, type ProviderEntry } from '../providers/providers.js';
import type { PollInterval } from '../openstack/polling/shared-poll.js';
import { cannotListenError, parseAddress, type Address } from './address.js';
import { BuildGauges, serveZeros } from './build-metrics.js';
import { findOrMakeBundle } from './bundle.js';
import { CallBudget } from './call-budget.js';
import { serveHealth, type Health } from './health.js';
import { createWorkerLogger } from './logger.js';
import { TemporalWatch } from './temporal-watch.js';
import { createWorkers, runWorkers, createStopSignal, formatWorkerIdentity } from './workers.js';

export interface WorkerOptions {
  /** The version of this program, for the log. */
  release: string;
  /** Task queue of the workflows; the names of the other task queues begin with it. */
  taskQueue: string;
  /** The kinds of task queue that this worker polls. Default: all. */
  lanes?: readonly QueueKind[];
  /** Folder of the store, with records, documents and bodies. */
  storagePath: string;
  /** Folder for the temporary files of installer media, and for the image cache. */
  cachePath: string;
  /** Prometheus endpoint, `host:port`. Default: none. */
  metricsAddress?: string;
  /** Health endpoint, `host:port`. Default: none. */
  healthAddress?: string;
  logFormat: 'text' | 'json';
  logLevel: string;
  /** File for the log. Default: standard error. */
  logFile?: string;
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
  /** The most bytes that downloaded images take in the cache while nobody uses them. Default 50 GiB. */
  imageCacheSize?: number;
  /** The services to which images are pushed, by name, as the configuration describes them. Default: none. */
  providers?: Readonly<Record<string, ProviderEntry>>;
  /** Limits by cloud name. Default: no limits. */
  limits?: CloudLimits;
  /** Shortest and longest time between two list calls to a cloud, in milliseconds. Default: 500 and 5000. */
  pollInterval?: PollInterval;
  /** Stops the workers when it is aborted. Default: SIGTERM or SIGINT stops them. */
  stop?: AbortSignal;
  /** Is called when everything is connected and the workers begin to poll. */
  onStart?: () => void;
}

/** Names of the options that give the addresses to listen at. Error messages name them. */
const METRICS = '--metrics-address';
const HEALTH = '--health-address';

/** Milliseconds that the call which watches Temporal may take. */
const WATCH_TIMEOUT = 3000;
/**
 * Makes gRPC wait at most 5 s before it tries a lost connection again, so that a worker notices within seconds that
 * Temporal is back. The default of gRPC is up to two minutes.
 */
const CHANNEL = { 'grpc.max_reconnect_backoff_ms': 5000 };

function installRuntime(options: WorkerOptions, watch: TemporalWatch): void {
  const metrics = options.metricsAddress === undefined ? undefined : parseAddress(options.metricsAddress, METRICS);
  const { logFormat: format, logLevel: level, logFile: file } = options;
  try {
    Runtime.install({
      // No signal stops the workers directly, because the runtime would stop all of them at the same time. `runWorkers`
      // stops them in the right order.
      shutdownSignals: [],
      logger: createWorkerLogger({ format, level, ...defined({ file }), isOutage: () => watch.trouble !== undefined }),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} },
        ...(metrics && { metrics: { prometheus: toPrometheusOptions(metrics) } }),
      },
    });
  } catch (error) {
    throw metrics === undefined ? error : cannotListenError(METRICS, metrics, error as Error);
  }
}

function toPrometheusOptions({ host, port }: Address): PrometheusMetricsExporter['prometheus'] {
  return {
    bindAddress: `${host}:${port}`,
    histogramBucketOverrides: { [METRICS_OF_BUILDS.duration.name]: DURATION_BUCKETS },
  };
}

/**
 * Runs workflows and activities until `stop` is aborted, by default when the process gets SIGTERM or SIGINT. Then
 * running activities have 10 seconds to end. An activity that takes longer fails, and its next attempt on another
 * worker continues from its last heartbeat.
 *
 * @throws FactoryError InvalidParameter when the process cannot listen at an address that is given
 * @throws FactoryError UnknownCloud when the configuration of the clouds cannot be read, or lacks a cloud to serve
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { healthAddress, taskQueue } = options;
  const watch = new TemporalWatch();
  let workers: Worker[] = [];
  // An open connection keeps the process alive. So everything that was opened is closed, also when the start fails.
  const closers: (() => unknown)[] = [() => watch.stop()];
  try {
    if (healthAddress !== undefined) {
      const readHealth = (): Health => toHealth(workers, watch.trouble);
      const { server } = await serveHealth(HEALTH, parseAddress(healthAddress, HEALTH), readHealth);
      closers.push(() => server.close());
    }
    installRuntime(options, watch);
    const { logger } = Runtime.instance();
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    const connection = await NativeConnection.connect(connectionOptions);
    closers.push(() => connection.close());
    const clientConnection = await Connection.connect({ ...connectionOptions, channelArgs: CHANNEL });
    closers.push(() => clientConnection.close());
    const client = new Client({
      connection: clientConnection,
      namespace,
      dataConverter: createDataConverter(options.payloadKeys),
    });
    const budget = new CallBudget(options.limits ?? {});
    closers.push(() => budget.stop());
    const warn = (remark: string): void => {
      logger.warn(remark);
    };
    const clouds = connectClouds({ only: options.clouds, rateLimiterFor: budget.rateLimiterFor, warn });
    closers.push(() => clouds.close());
    const providers = new Providers(options.providers);
    closers.push(() => providers.close());
    await providers.check();
    const call = (): Promise<unknown> =>
      clientConnection.withDeadline(Date.now() + WATCH_TIMEOUT, () =>
        client.workflowService.describeNamespace({ namespace }),
      );
    const temporal = connectionOptions.address ?? '127.0.0.1:7233';
    await call().catch((error: unknown) => Promise.reject(toNamespaceError(error, temporal, namespace)));
    const identity = formatWorkerIdentity(options.version);
    await budget.start(client, taskQueue, identity);
    const bundle = await findOrMakeBundle(options.payloadKeys !== undefined);
    workers = await createWorkers({ ...options, clouds, providers, connection, client, bundle });
    logger.info('The worker starts', {
      release: options.release,
      ...(options.version === undefined ? {} : { version: options.version }),
      identity,
      temporal,
      namespace,
      taskQueues: workers.map((worker) => worker.options.taskQueue),
      clouds: clouds.names(),
      providers: providers.names(),
      store: options.storagePath,
    });
    void watch.start(call, temporal, logger);
    if (options.metricsAddress !== undefined) {
      const { metricMeter } = Runtime.instance();
      serveZeros(clouds.names(), metricMeter, { namespace, task_queue: taskQueue });
      const gauges = new BuildGauges(client, taskQueue, clouds.names(), metricMeter);
      closers.push(() => gauges.stop());
      void gauges.start(logger);
    }
    options.onStart?.();
    await runWorkers(workers, options.stop ?? createStopSignal());
    logger.info('The worker has stopped', { identity });
  } finally {
    // We ignore the errors of these calls, so that the first error is reported.
    for (const close of closers.reverse())
      await Promise.resolve()
        .then(close)
        .catch(() => undefined);
  }
}

/** Converts the error of the first call to Temporal, because the SDK's own text is many lines of its inner state. */
function toNamespaceError(error: unknown, address: string, namespace: string): FactoryError {
  const { details, message } = error as { details?: string; message: string };
  return new FactoryError('NotFound', `Temporal at ${address}, namespace ${namespace}: ${details || message}`, {
    hint: 'check TEMPORAL_NAMESPACE and the credentials',
    cause: error,
  });
}

function toHealth(workers: Worker[], trouble: string | undefined): Health {
  const lanes = Object.fromEntries(workers.map((worker) => [worker.options.taskQueue, worker.getState()]));
  const isPolling = workers.length > 0 && workers.every((worker) => worker.getState() === 'RUNNING');
  return { healthy: isPolling && trouble === undefined, lanes, temporal: trouble ?? 'answers' };
}
