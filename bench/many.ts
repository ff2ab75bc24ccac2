import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Bed } from '../test/support/bed.js';
import { toldBy, type Told } from './histories.js';
import { BODY } from './overhead.js';
import { percentile, report, seconds } from './report.js';

const BUILDS = 200;
const WORKER = fileURLToPath(new URL('../test/support/worker.ts', import.meta.url));

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** (b) Many builds at once on one worker, which is a process of its own so that its memory can be told. */
export async function many(): Promise<void> {
  const bed = await Bed.start({ cloud: { hurry: 20 }, worker: false });
  const worker = startWorker(bed);
  let peak = 0;
  let over = false;
  try {
    await (await bed.build(bed.template({ body: BODY }), { timeout: 3600 })).result();
    const idle = await memoryOf(worker.pid ?? 0);
    const sampling = (async () => {
      for (; !over; await delay(250)) peak = Math.max(peak, await memoryOf(worker.pid ?? 0));
    })();
    const calls = bed.cloud.calls.count();
    const began = Date.now();
    const builds = await Promise.all(
      Array.from({ length: BUILDS }, () => bed.build(bed.template({ body: BODY }), { boot_timeout: 3600 })),
    );
    await Promise.all(builds.map((build) => build.result()));
    const took = Date.now() - began;
    over = true;
    await sampling;
    const made = bed.cloud.calls.count() - calls;
    const told: Told[] = [];
    for (const build of builds) told.push(await toldBy(bed, build));
    report(`(b) ${BUILDS} builds at once on one worker`, [
      { what: 'all finished after', value: seconds(took) },
      { what: 'API calls a minute', value: String(Math.round(made / (took / 60_000))) },
      { what: 'API calls a build', value: (made / BUILDS).toFixed(1) },
      { what: 'worker’s memory before', value: `${Math.round(idle / 1024 ** 2)} MiB` },
      { what: 'worker’s memory at its peak', value: `${Math.round(peak / 1024 ** 2)} MiB` },
      {
        what: 'p95 of a build’s time between its steps',
        value: seconds(
          percentile(
            told.map(({ between }) => between),
            95,
          ),
        ),
      },
      {
        what: 'p95 of a build’s wall time',
        value: seconds(
          percentile(
            told.map(({ wall }) => wall),
            95,
          ),
        ),
      },
    ]);
  } finally {
    over = true;
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
    await bed.close();
  }
}

function startWorker(bed: Bed): ChildProcess {
  const options = { taskQueue: bed.taskQueue, storagePath: bed.storage, cachePath: `${bed.storage}/cache` };
  const env = { ...process.env, ...bed.env() };
  return spawn(process.execPath, ['--import', 'tsx', WORKER, JSON.stringify(options)], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
