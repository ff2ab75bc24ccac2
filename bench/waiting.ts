import { setTimeout as sleep } from 'node:timers/promises';
import { createQueueWorkflowId, type QueuePosition } from '../src/domain/create-queue.js';
import { QUEUE_POSITION_QUERY } from '../src/domain/messages.js';
import { TestEnv, type Build } from '../test/support/bed.js';
import { withoutCloud } from './many.js';
import { BODY } from './overhead.js';
import { report, seconds } from './report.js';
import { BenchWorker } from './worker.js';

const BUILDS = 500;
/** How many are started at once. */
const TOGETHER = 25;
const MIB = 1024 ** 2;
/** Milliseconds in which its memory is looked at while everybody waits. */
const SETTLE = 30_000;

/** (e) The memory of a worker whose builds wait in line, because the project has no room for another instance. */
export async function waiting(): Promise<void> {
  const bed = await TestEnv.start({ worker: false });
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(bed.storage, bed.taskQueue, withoutCloud(bed.env()));
    // Installs the JEOS that all share.
    await (await start(bed)).result();
    const idle = await worker.memory();
    bed.cloud.state.quotas.instances = 0;
    const began = Date.now();
    const builds = await started(bed);
    const took = Date.now() - began;
    const calls = bed.cloud.calls.count();
    await sleep(SETTLE);
    const made = bed.cloud.calls.count() - calls;
    const [now, peak] = [await worker.memory(), await worker.peakMemory()];
    report(
      `(e) ${BUILDS} builds that wait in line`,
      'The quota of instances is used up; one build asks again and again.',
      [
        { what: 'all stood in line after', value: seconds(took) },
        { what: 'worker’s memory with none', value: mebibytes(idle) },
        { what: 'worker’s memory while all wait', value: mebibytes(now), aim: '< 400 MiB' },
        { what: 'its peak', value: mebibytes(peak), aim: '< 400 MiB' },
        { what: 'API calls a minute while all wait', value: String(Math.round(made / (SETTLE / 60_000))) },
      ],
    );
    await Promise.all(builds.map((build) => build.handle.terminate()));
  } finally {
    await worker?.stop();
    await bed.close();
  }
}

/** Starts them by the dozen: it is their waiting that is measured, not how much a server takes at once. */
async function started(bed: TestEnv): Promise<Build[]> {
  const builds: Build[] = [];
  while (builds.length < BUILDS) {
    builds.push(...(await Promise.all(Array.from({ length: TOGETHER }, () => start(bed)))));
    // The last that a build makes before it stands in line.
    await until(() => bed.cloud.state.keyPairs.size >= builds.length);
  }
  const line = bed.temporal.client.workflow.getHandle(
    createQueueWorkflowId(bed.cloud.state.projectId, bed.cloud.env()['OS_REGION_NAME']),
  );
  await until(async () => {
    // Of two, one waits: the other may be the one that asks the cloud.
    const places = await Promise.all(
      builds
        .slice(0, 2)
        .map(({ handle }) => line.query<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY, handle.workflowId)),
    );
    return places.some((place) => place !== null && place.of >= BUILDS - 1);
  });
  return builds;
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  // A machine that is busy may not answer at once.
  while (!(await Promise.resolve(holds()).catch(() => false))) await sleep(500);
}

function start(bed: TestEnv): Promise<Build> {
  return bed.build(bed.template({ body: BODY }), {}, 'envvars', 60);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
