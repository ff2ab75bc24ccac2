import { REAL_DURATIONS } from '../test/fakes/openstack/core/clock.js';
import { TestEnv, type Build } from '../test/support/test-env.js';
import { readHistories, type HistoryFigures } from './histories.js';
import { BODY } from './overhead.js';
import { formatMebibytes, computePercentile, printReport, formatSeconds } from './report.js';
import { BenchWorker } from './worker.js';

const BUILDS = 200;

/** Computes how many milliseconds a build with a reused JEOS waits for a cloud that is as slow as a real one. */
function computeCloudTime(): number {
  const { schedule, build, boot, cloudInit, powerOffSeen, snapshotPending, snapshot, snapshotUpload } = REAL_DURATIONS;
  const guest = schedule + build + boot + cloudInit + powerOffSeen;
  return guest + snapshotPending + snapshot + snapshotUpload + REAL_DURATIONS.delete;
}

/**
 * (b) Measures many builds at the same time on one worker. The worker has its own process, so that its memory can be
 * measured. The fake cloud is as slow as a real one. Its 200 guests, the Temporal server and the worker share one
 * machine.
 */
export async function measureMany(): Promise<void> {
  const env = await TestEnv.start({ cloud: { speedUp: 1, durations: { install: 1000 } }, worker: false });
  let worker: BenchWorker | undefined;
  try {
    worker = await BenchWorker.start(env.storage, env.taskQueue, replaceCloud(env.variables()));
    // Installs the JEOS that all builds reuse.
    await (await startBuild(env)).result();
    const single = await startBuild(env);
    await single.result();
    const alone = await readHistories(env, single);
    const idle = await worker.readMemory();

    const calls = env.cloud.calls.count();
    const began = Date.now();
    const builds = await Promise.all(Array.from({ length: BUILDS }, () => startBuild(env)));
    await waitForAll(builds);
    const took = Date.now() - began;
    const made = env.cloud.calls.count() - calls;
    const peak = await worker.readPeakMemory();

    const told: HistoryFigures[] = [];
    for (const build of builds) told.push(await readHistories(env, build));
    const spread = (of: (told: HistoryFigures) => number): string =>
      [50, 95].map((percent) => formatSeconds(computePercentile(told.map(of), percent))).join(', ');
    const measured =
      'All reuse one JEOS, on a fake cloud that takes as long as a real one. Overhead is what a build takes beyond that time: ' +
      'Temporal’s, ours, the guests’ own commands, and waiting for the machine that all of them share.';
    printReport(`(b) ${BUILDS} builds at once on one worker`, measured, [
      { name: 'all finished after', value: formatSeconds(took) },
      { name: 'API calls a minute', value: String(Math.round(made / (took / 60_000))) },
      { name: 'API calls a build', value: (made / BUILDS).toFixed(1) },
      { name: 'worker’s memory before, at its peak', value: `${formatMebibytes(idle)}, ${formatMebibytes(peak)}` },
      { name: 'what the cloud itself takes for a build', value: formatSeconds(computeCloudTime()) },
      { name: 'overhead of one build alone', value: formatSeconds(alone.wall - computeCloudTime()) },
      { name: 'overhead of a build among them: median, p95', value: spread(({ wall }) => wall - computeCloudTime()) },
      { name: 'of it between steps: median, p95', value: spread(({ between }) => between) },
    ]);
  } finally {
    await worker?.stop();
    await env.close();
  }
}

/**
 * Waits until all builds have ended.
 *
 * @throws Error when a build has failed
 */
async function waitForAll(builds: Build[]): Promise<void> {
  const ends = await Promise.allSettled(builds.map((build) => build.result()));
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as { cause?: unknown }] : []));
  if (failed.length === 0) return;
  const [first] = failed;
  throw new Error(`${failed.length} of ${builds.length} builds failed, the first: ${String(first?.cause ?? first)}`);
}

/**
 * Returns a copy of this process's environment in which the variables in `env` replace all `OS_*` and `TEMPORAL_*`
 * variables.
 */
export function replaceCloud(env: Record<string, string>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('OS_') && !name.startsWith('TEMPORAL_'),
  );
  return { ...Object.fromEntries(others), ...env };
}

function startBuild(env: TestEnv): Promise<Build> {
  return env.build(env.template({ body: BODY }), { boot_timeout: 3600 }, 'envvars', 60);
}
