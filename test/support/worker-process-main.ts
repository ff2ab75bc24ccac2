/**
 * The program of a {@link WorkerProcess}. It runs all workers of an environment until it is killed or its parent
 * process has ended.
 */
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { DEADLINES } from '../../src/http/http.js';
import { connectClouds } from '../../src/openstack/index.js';
import { CallBudget } from '../../src/worker/call-budget.js';
import { createWorkers, runWorkers, createStopSignal, formatWorkerIdentity } from '../../src/worker/workers.js';
import { MEDIA_ADDRESSES } from '../fakes/openstack/media-server.js';
import type { WorkerProcessOptions } from './worker-process.js';

process.once('disconnect', () => process.exit());
const { address, namespace, taskQueue, bundlePath, cloudEnv, callDeadline, limits, storage, cache } = JSON.parse(
  process.argv[2] ?? '',
) as WorkerProcessOptions;

const deadlines =
  callDeadline === undefined
    ? DEADLINES
    : { ...DEADLINES, headers: callDeadline, body: callDeadline, call: callDeadline, upload: callDeadline };

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('ERROR'),
  // Tests stop the server for a moment on purpose. So the runtime must not log that the server cannot be reached.
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});
const connection = await NativeConnection.connect({ address });
const client = new Client({ connection: await Connection.connect({ address }), namespace });
const budget = new CallBudget(limits);
await budget.start(client, taskQueue, formatWorkerIdentity(undefined));
const workers = await createWorkers({
  connection,
  client,
  taskQueue,
  bundle: { codePath: bundlePath },
  clouds: connectClouds({ env: cloudEnv, directory: storage, deadlines, rateLimiterFor: budget.rateLimiterFor }),
  limits,
  storagePath: storage,
  cachePath: cache,
  pollInterval: { shortest: 20, longest: 200 },
  allowAddresses: MEDIA_ADDRESSES,
  release: '0.0.0-test',
});
const running = runWorkers(workers, createStopSignal());
process.send?.('running');
await running;
process.exit();
