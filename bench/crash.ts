import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { HEARTBEAT_TIMEOUT } from '../src/domain/heartbeat.js';
import { CANCEL_STATES, type Scene } from '../test/support/cancel-states.js';
import { startTemporal } from '../test/support/temporal.js';
import { TestEnv } from '../test/support/test-env.js';
import { WorkerProcess } from '../test/support/worker-process.js';
import { computeMedian, formatSeconds, printReport } from './report.js';

/** Milliseconds from the kill until the next worker is started. */
const DOWN = 5000;
/** The states in which the worker is killed: by the names of {@link CANCEL_STATES}. */
const STATES: RegExp[] = [
  /^plan, /,
  /fetches the installer’s kernel/,
  /^installer.create .*after POST/,
  /quota lets it make no instance/,
  /while the installer runs/,
  /its instance is built/,
  /nothing answers over SSH/,
  /a command runs in the guest/,
  /the snapshot is taken/,
  /^download, /,
];

/**
 * (h) Measures how long a build stands still when its only worker is killed and the next worker is started five seconds
 * later: from SIGKILL until the next worker works at everything at which the killed one worked.
 */
export async function measureCrash(): Promise<void> {
  const temporal = await startTemporal();
  try {
    const took: { what: string; milliseconds: number }[] = [];
    for (const { name: what, reach } of CANCEL_STATES.filter(({ name }) => STATES.some((state) => state.test(name)))) {
      const env = await TestEnv.start({ temporal, worker: false, heartbeatTimeout: HEARTBEAT_TIMEOUT });
      const killed = await WorkerProcess.start(env);
      let next: WorkerProcess | undefined;
      try {
        const scene = await reach(env);
        const runs = await listRuns(scene);
        await killed.kill();
        const since = Date.now();
        await scene.release?.();
        await pause(DOWN);
        next = await WorkerProcess.start(env);
        await Promise.all(runs.map((run) => waitForProgress(run, killed.pid)));
        const milliseconds = Date.now() - since;
        process.stderr.write(`${what}: ${formatSeconds(milliseconds)}\n`);
        took.push({ what, milliseconds });
      } finally {
        await next?.kill();
        await killed.kill();
        await env.close();
      }
    }
    took.sort((one, other) => other.milliseconds - one.milliseconds);
    const times = took.map(({ milliseconds }) => milliseconds);
    const measured =
      `The time from SIGKILL of the only worker until another one, started ${DOWN / 1000} s later, goes on with the ` +
      `build, in ${took.length} states, one after the other.`;
    printReport('(h) A killed worker', measured, [
      { name: 'median', value: formatSeconds(computeMedian(times)), aim: '≤ 30 s' },
      ...took.map(({ what, milliseconds }) => ({ name: what, value: formatSeconds(milliseconds), aim: '≤ 30 s' })),
    ]);
  } finally {
    await temporal.teardown();
  }
}

/** Lists the runs of a scene that wait for an activity: the build, and its installer run. */
async function listRuns({ env, build }: Scene): Promise<WorkflowHandle[]> {
  const { phase, jeosWorkflowId } = await build.status();
  if (phase !== 'jeos' || jeosWorkflowId === undefined) return [build.handle];
  return [build.handle, env.temporal.client.workflow.getHandle(jeosWorkflowId)];
}

/** Waits until another process than the killed one runs an activity of the run, or until the run has ended. */
async function waitForProgress(run: WorkflowHandle, killed: number | undefined): Promise<void> {
  for (;;) {
    const { status, raw } = await run.describe();
    if (status.name !== 'RUNNING') return;
    const isTaken = (raw.pendingActivities ?? []).some(
      // 2 is PENDING_ACTIVITY_STATE_STARTED.
      ({ state, lastWorkerIdentity }) => Number(state) === 2 && lastWorkerIdentity !== `${killed}@${hostname()}`,
    );
    if (isTaken) return;
    await pause(25);
  }
}
