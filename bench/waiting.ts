import { setTimeout as sleep } from 'node:timers/promises';
import { createQueueWorkflowId, type QueuePosition } from '../src/domain/create-queue.js';
import { QUEUE_POSITION_QUERY } from '../src/domain/messages.js';
import { TestEnv, type Build } from '../test/support/test-env.js';
import { replaceCloud } from './many.js';
import { BODY } from './overhead.js';
import { formatMebibytes, printReport, formatSeconds } from './report.js';
import { BenchWorker } from './worker.js';

const BUILDS = 500;
/** Number of builds that are started at the same time. */
const BATCH = 25;
/** Milliseconds for which all builds have waited when we measure the memory of the worker. */
const SETTLE = 30_000;

/**
 * (e) Measures the memory of a worker whose builds all wait in the create queue. They wait because the quota of
 * instances is used up.
 */
export async function measureWaiting(): Promise<void> {
  const env = await TestEnv.start({ worker: false });
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(env.storage, env.taskQueue, replaceCloud(env.variables()));
    // Installs the JEOS that all builds reuse.
    await (await startBuild(env)).result();
    const idle = await worker.readMemory();
    env.cloud.state.quotas.instances = 0;
    const began = Date.now();
    const builds = await startBuilds(env);
    const took = Date.now() - began;
    const calls = env.cloud.calls.count();
    await sleep(SETTLE);
    const made = env.cloud.calls.count() - calls;
    const [now, peak] = [await worker.readMemory(), await worker.readPeakMemory()];
    printReport(
      `(e) ${BUILDS} builds that wait in the queue`,
      'The quota of instances is used up. One build asks for an instance again and again, the others wait.',
      [
        { name: 'all waited in the queue after', value: formatSeconds(took) },
        { name: 'worker’s memory with none', value: formatMebibytes(idle) },
        { name: 'worker’s memory while all wait', value: formatMebibytes(now), aim: '< 400 MiB' },
        { name: 'its peak', value: formatMebibytes(peak), aim: '< 400 MiB' },
        { name: 'API calls a minute while all wait', value: String(Math.round(made / (SETTLE / 60_000))) },
      ],
    );
    await Promise.all(builds.map((build) => build.handle.terminate()));
  } finally {
    await worker?.stop();
    await env.close();
  }
}

/**
 * Starts the builds in batches, because the Temporal server may be too slow for all starts at once, and this benchmark
 * does not measure starts.
 */
async function startBuilds(env: TestEnv): Promise<Build[]> {
  const builds: Build[] = [];
  while (builds.length < BUILDS) {
    builds.push(...(await Promise.all(Array.from({ length: BATCH }, () => startBuild(env)))));
    // A build creates its key pair just before it joins the queue. So we count the key pairs to know when the builds of
    // the batch have come to the queue.
    await waitUntil(() => env.cloud.state.keyPairs.size >= builds.length);
  }
  const queue = env.temporal.client.workflow.getHandle(
    createQueueWorkflowId(env.cloud.state.projectId, env.cloud.env()['OS_REGION_NAME']),
  );
  await waitUntil(async () => {
    // The build whose turn it is has no position in the queue. At most one of two builds has the turn, so we query two.
    const positions = await Promise.all(
      builds
        .slice(0, 2)
        .map(({ handle }) => queue.query<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY, handle.workflowId)),
    );
    return positions.some((position) => position !== null && position.of >= BUILDS - 1);
  });
  return builds;
}

async function waitUntil(condition: () => Promise<boolean> | boolean): Promise<void> {
  // On a busy machine a query may fail. Then the loop repeats it.
  while (!(await Promise.resolve(condition()).catch(() => false))) await sleep(500);
}

function startBuild(env: TestEnv): Promise<Build> {
  return env.build(env.template({ body: BODY }), {}, 'envvars', 60);
}
