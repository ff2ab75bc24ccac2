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
import { StepInterceptor } from '../../src/worker/interceptor.js';
import { testBundle } from './bundle.js';
import { until } from './until.js';

// One runtime a process; its talk about workers that start and stop would bury the tests' own words.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const servers = new Set<TestWorkflowEnvironment>();

// A file that is stopped because its time is over must not leave its server behind.
process.once('SIGTERM', () => {
  setTimeout(() => process.exit(143), 5000);
  void Promise.allSettled([...servers].map((server) => server.teardown())).then(() => process.exit(143));
});

/** Where the `temporal` program is: what the test run found or built, else the one on the PATH. */
export function temporalProgram(): string {
  return process.env.TEMPORAL_CLI ?? 'temporal';
}

/** How often a server is started before its end at the start is taken for an error. */
const STARTS = 3;

/**
 * Starts a server, and again if it ends at once: it looks for free ports, lets go of them and takes them a moment
 * later, and whatever else the machine runs may have got one in between.
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

/** Environment variables that the files of a test run get of the server that they share: its address, and a folder. */
const SHARED_ADDRESS = 'IMAGEFACTORY_TEST_TEMPORAL';
const TAKEN_NAMESPACES = 'IMAGEFACTORY_TEST_NAMESPACES';
/**
 * How many namespaces the shared server has. It gets them when it starts, because a later one is known only after
 * seconds.
 */
const NAMESPACES = Array.from({ length: 100 }, (_, index) => `test-${index + 1}`);

/** Takes a namespace of the shared server that nobody has had: what a test lists and sweeps there is its own. */
async function takeNamespace(): Promise<string> {
  for (const namespace of NAMESPACES) {
    // Of several processes, one makes the folder.
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
  // Its default reads a task queue's work twenty times a second: ten steps a second.
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

/** Starts a server that all test files share which this process starts from now on. Whoever calls it tears it down. */
export async function shareTemporal(): Promise<TestWorkflowEnvironment> {
  const server = await startServer(undefined, [], NAMESPACES);
  process.env[TAKEN_NAMESPACES] = await mkdtemp(join(tmpdir(), 'imagefactory-namespaces-'));
  process.env[SHARED_ADDRESS] = server.address;
  return server;
}

/**
 * A real development server with our search attributes, and nothing in it; its client encrypts where keys are given. In
 * a test run it is a namespace of the server that all share, else a server on ports of its own.
 *
 * @param dynamicConfig settings of the server, as `key=JSON`; with any, it is never the shared one
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

/** Variables that make a command line or a worker a client of the server. */
export function temporalEnv({ address, namespace = 'default' }: TestWorkflowEnvironment): Record<string, string> {
  return { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
}

/**
 * Waits until Temporal has heard of a worker for the queue's workflows: what asks whether there is one may come first.
 */
async function polled({ client, namespace = 'default' }: TestWorkflowEnvironment, taskQueue: string): Promise<void> {
  const request = { namespace, taskQueue: { name: taskQueue }, taskQueueType: 1 };
  const isPolled = async (): Promise<boolean> =>
    (await client.workflowService.describeTaskQueue(request)).pollers.length > 0;
  await until(isPolled, `a worker that polls ${taskQueue}`);
}

/** Runs the three lanes with the given activities while `work` runs. */
export async function withWorkers<T>(
  environment: TestWorkflowEnvironment,
  taskQueue: string,
  activities: Partial<Activities>,
  work: () => Promise<T>,
  options: Partial<WorkerOptions> = {},
): Promise<T> {
  const workers = await Promise.all(
    QUEUE_KINDS.map(async (lane) =>
      Worker.create({
        connection: environment.nativeConnection,
        namespace: environment.namespace ?? 'default',
        taskQueue: taskQueueFor(taskQueue, lane),
        activities,
        ...(lane === 'control' ? { workflowBundle: { codePath: await testBundle() } } : {}),
        maxHeartbeatThrottleInterval: '200ms',
        interceptors: { activity: [() => ({ inbound: new StepInterceptor() })] },
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
