import { REAL_DURATIONS } from '../test/fakes/openstack/core/clock.js';
import { TestEnv, type Build } from '../test/support/bed.js';
import { toldBy, type Told } from './histories.js';
import { BODY } from './overhead.js';
import { percentile, report, seconds } from './report.js';
import { BenchWorker } from './worker.js';

const BUILDS = 200;
const MIB = 1024 ** 2;

/** What a build with a reused JEOS waits for, one after the other, on a cloud with the durations of a real one. Milliseconds. */
function ofTheCloud(): number {
  const { schedule, build, boot, cloudInit, powerOffSeen, snapshotPending, snapshot, snapshotUpload } = REAL_DURATIONS;
  const guest = schedule + build + boot + cloudInit + powerOffSeen;
  return guest + snapshotPending + snapshot + snapshotUpload + REAL_DURATIONS.delete;
}

/**
 * (b) Many builds at once on one worker, which is a process of its own so that its memory can be told. The fake cloud takes
 * as long as a real one; its 200 guests, the Temporal server and the worker share the machine.
 */
export async function many(): Promise<void> {
  const bed = await TestEnv.start({ cloud: { speedUp: 1, durations: { install: 1000 } }, worker: false });
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(bed.storage, bed.taskQueue, withoutCloud(bed.env()));
    // Installs the JEOS that all share.
    await (await start(bed)).result();
    const single = await start(bed);
    await single.result();
    const alone = await toldBy(bed, single);
    const idle = await worker.memory();

    const calls = bed.cloud.calls.count();
    const began = Date.now();
    const builds = await Promise.all(Array.from({ length: BUILDS }, () => start(bed)));
    await allFinished(builds);
    const took = Date.now() - began;
    const made = bed.cloud.calls.count() - calls;
    const peak = await worker.peakMemory();

    const told: Told[] = [];
    for (const build of builds) told.push(await toldBy(bed, build));
    const spread = (of: (told: Told) => number): string =>
      [50, 95].map((percent) => seconds(percentile(told.map(of), percent))).join(', ');
    const measured =
      'All reuse one JEOS, on a fake cloud that takes as long as a real one. Overhead is what a build takes beyond that time: ' +
      'Temporal’s, ours, the guests’ own commands, and waiting for the machine that all of them share.';
    report(`(b) ${BUILDS} builds at once on one worker`, measured, [
      { what: 'all finished after', value: seconds(took) },
      { what: 'API calls a minute', value: String(Math.round(made / (took / 60_000))) },
      { what: 'API calls a build', value: (made / BUILDS).toFixed(1) },
      { what: 'worker’s memory before, at its peak', value: `${mebibytes(idle)}, ${mebibytes(peak)}` },
      { what: 'what the cloud itself takes for a build', value: seconds(ofTheCloud()) },
      { what: 'overhead of one build alone', value: seconds(alone.wall - ofTheCloud()) },
      { what: 'overhead of a build among them: median, p95', value: spread(({ wall }) => wall - ofTheCloud()) },
      { what: 'of it between steps: median, p95', value: spread(({ between }) => between) },
    ]);
  } finally {
    await worker?.stop();
    await bed.close();
  }
}

/** Waits for all, whatever becomes of one; then says what has become of it. */
async function allFinished(builds: Build[]): Promise<void> {
  const ends = await Promise.allSettled(builds.map((build) => build.result()));
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as { cause?: unknown }] : []));
  if (failed.length === 0) return;
  const [first] = failed;
  throw new Error(`${failed.length} of ${builds.length} builds failed, the first: ${String(first?.cause ?? first)}`);
}

/** This process's environment with another cloud and Temporal. */
export function withoutCloud(env: Record<string, string>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('OS_') && !name.startsWith('TEMPORAL_'),
  );
  return { ...Object.fromEntries(others), ...env };
}

function start(bed: TestEnv): Promise<Build> {
  return bed.build(bed.template({ body: BODY }), { boot_timeout: 3600 }, 'envvars', 60);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
