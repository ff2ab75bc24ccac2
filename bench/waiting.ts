import { setTimeout as sleep } from 'node:timers/promises';
import type { LinePosition } from '../src/build/line.js';
import { LINE_QUERY } from '../src/build/messages.js';
import { Bed, type Build } from '../test/support/bed.js';
import { withoutCloud } from './many.js';
import { BODY } from './overhead.js';
import { report, seconds } from './report.js';
import { BenchWorker } from './worker.js';

const BUILDS = 500;
const MIB = 1024 ** 2;
/** Milliseconds in which its memory is looked at while everybody waits. */
const SETTLE = 30_000;

/** (e) The memory of a worker whose builds wait in line, because the project has no room for another instance. */
export async function waiting(): Promise<void> {
  const bed = await Bed.start({ worker: false });
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(bed.storage, bed.taskQueue, withoutCloud(bed.env()));
    // Installs the JEOS that all share.
    await (await start(bed)).result();
    const idle = await worker.memory();
    bed.cloud.state.quotas.instances = 0;
    const began = Date.now();
    const builds = await Promise.all(Array.from({ length: BUILDS }, () => start(bed)));
    await allInLine(bed, builds);
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

async function allInLine(bed: Bed, builds: Build[]): Promise<void> {
  const [first] = builds;
  let line: string | undefined;
  while (line === undefined) {
    await sleep(1000);
    line = (await first?.status())?.waiting?.line;
  }
  const handle = bed.temporal.client.workflow.getHandle(line);
  for (;;) {
    const places = await Promise.all(
      builds
        .slice(0, 2)
        .map((build) => handle.query<LinePosition | null, [string]>(LINE_QUERY, build.handle.workflowId)),
    );
    if (places.some((place) => place !== null && place.of >= BUILDS - 1)) return;
    await sleep(1000);
  }
}

function start(bed: Bed): Promise<Build> {
  return bed.build(bed.template({ body: BODY }), {}, 'envvars', 60);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
