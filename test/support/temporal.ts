import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createDataConverter } from '../../src/codec/data-converter.js';
import type { PayloadKeys } from '../../src/codec/keys.js';
import { SEARCH_ATTRIBUTES } from '../../src/domain/search-attributes.js';
import { QUEUE_KINDS, taskQueueFor } from '../../src/domain/task-queues.js';
import type { Activities } from '../../src/activities/index.js';
import { BuildMaskers } from '../../src/activities/shared/build-maskers.js';
import { StepInterceptor } from '../../src/worker/interceptor.js';
import { testBundle } from './bundle.js';
import { until } from './until.js';

// A process has only one runtime. Its log has only errors, because messages about workers that start and stop would
// hide the output of the tests.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const servers = new Set<TestWorkflowEnvironment>();

// When the time limit of a test file is over, its process gets SIGTERM. Then it must not leave its server behind.
process.once('SIGTERM', () => {
  setTimeout(() => process.exit(143), 5000);
  void Promise.allSettled([...servers].map((server) => server.teardown())).then(() => process.exit(143));
});

/**
 * Returns the path of the `temporal` program: the one that the test run has found or built, else the one on the PATH.
 */
export function temporalProgram(): string {
  return process.env.TEMPORAL_CLI ?? 'temporal';
}

/** Number of times that we try to start a server. If the last try fails too, we throw its error. */
const STARTS = 3;

/**
 * Starts a server, and tries again when the server ends at once. The server looks for free ports, releases them, and
 * binds them a moment later. In that moment another program can take one of these ports.
 */
export async function started<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === STARTS) throw error;
    }
  }
}

/**
 * Environment variables of test files that share a Temporal server: the server's address, and a folder. In this folder
 * each test file marks the namespace that it has taken.
 */
const SHARED_ADDRESS = 'IMAGEFACTORY_TEST_TEMPORAL';
const TAKEN_NAMESPACES = 'IMAGEFACTORY_TEST_NAMESPACES';
/**
 * The namespaces of the shared server. The server creates all of them when it starts, because a namespace that is
 * created later is usable only after some seconds.
 */
const NAMESPACES = Array.from({ length: 100 }, (_, index) => `test-${index + 1}`);

/**
 * Takes a namespace of the shared server that no other test file has taken. So a test lists and sweeps only its own
 * workflows.
 */
async function takeNamespace(): Promise<string> {
  for (const namespace of NAMESPACES) {
    // When several processes try this, only one of them creates the folder.
    const isMine = await mkdir(join(process.env[TAKEN_NAMESPACES] ?? '', namespace)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        return false;
      },
    );
    if (isMine) return namespace;
  }
  throw new Error(`the ${NAMESPACES.length} namespaces of the shared Temporal server are all taken`);
}

async function startServer(
  payloadKeys: PayloadKeys | undefined,
  dynamicConfig: readonly string[],
  namespaces: readonly string[] = [],
): Promise<TestWorkflowEnvironment> {
  // By default the server reads the work of a task queue only twenty times a second, so it runs only ten steps a
  // second.
  const settings = ['history.transferProcessorMaxPollRPS=1000', ...dynamicConfig];
  const server = await started(() =>
    TestWorkflowEnvironment.createLocal({
      client: { dataConverter: createDataConverter(payloadKeys) },
      server: {
        executable: { type: 'existing-path', path: temporalProgram() },
        searchAttributes: Object.values(SEARCH_ATTRIBUTES),
        extraArgs: [
          ...settings.flatMap((setting) => ['--dynamic-config-value', setting]),
          ...namespaces.flatMap((namespace) => ['--namespace', namespace]),
        ],
        log: { format: 'pretty', level: 'error' },
      },
    }),
  );
  servers.add(server);
  return server;
}

/**
 * Starts a Temporal server. Test files that this process starts later share the server. The caller must tear the server
 * down.
 */
export async function shareTemporal(): Promise<TestWorkflowEnvironment> {
  const server = await startServer(undefined, [], NAMESPACES);
  process.env[TAKEN_NAMESPACES] = await mkdtemp(join(tmpdir(), 'imagefactory-namespaces-'));
  process.env[SHARED_ADDRESS] = server.address;
  return server;
}

/**
 * Returns a real development server without workflows, with our search attributes. Its client encrypts when payload
 * keys are given. In a test run the result is a new namespace of the shared server, else a server on its own ports.
 *
 * @param dynamicConfig settings of the server, as `key=JSON`. If there are any, the server is not the shared one
 */
export async function startTemporal(
  payloadKeys?: PayloadKeys,
  dynamicConfig: readonly string[] = [],
): Promise<TestWorkflowEnvironment> {
  const address = process.env[SHARED_ADDRESS];
  if (address === undefined || dynamicConfig.length > 0) return startServer(payloadKeys, dynamicConfig);
  const client = { dataConverter: createDataConverter(payloadKeys) };
  const namespace = await takeNamespace();
  return TestWorkflowEnvironment.createFromExistingServer({ address, namespace, client });
}

/** Returns the environment variables with which a command line or a worker uses the server. */
export function temporalEnv({ address, namespace = 'default' }: TestWorkflowEnvironment): Record<string, string> {
  return { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
}

/**
 * Waits until Temporal knows a worker that polls the task queue for workflows. A client that checks for workers before
 * that finds none.
 */
async function polled({ client, namespace = 'default' }: TestWorkflowEnvironment, taskQueue: string): Promise<void> {
  const request = { namespace, taskQueue: { name: taskQueue }, taskQueueType: 1 };
  const isPolled = async (): Promise<boolean> =>
    (await client.workflowService.describeTaskQueue(request)).pollers.length > 0;
  await until(isPolled, `a worker that polls ${taskQueue}`);
}

/** Runs workers for the three lanes, with the given activities, while `work` runs. */
export async function withWorkers<T>(
  environment: TestWorkflowEnvironment,
  taskQueue: string,
  activities: Partial<Activities>,
  work: () => Promise<T>,
  options: Partial<WorkerOptions> = {},
): Promise<T> {
  // The activities of these tests are stubs without documents, and so without secrets.
  const maskers = new BuildMaskers({ readDocument: async () => undefined });
  const workers = await Promise.all(
    QUEUE_KINDS.map(async (lane) =>
      Worker.create({
        connection: environment.nativeConnection,
        namespace: environment.namespace ?? 'default',
        taskQueue: taskQueueFor(taskQueue, lane),
        activities,
        ...(lane === 'control' ? { workflowBundle: { codePath: await testBundle() } } : {}),
        maxHeartbeatThrottleInterval: '200ms',
        interceptors: { activity: [() => ({ inbound: new StepInterceptor(maskers) })] },
        ...options,
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  try {
    await polled(environment, taskQueue);
    return await work();
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}
