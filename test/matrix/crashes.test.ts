import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { TestEnv } from '../support/test-env.js';
import { divide, distribute } from '../support/matrix/distribute.js';
import {
  CrashRun,
  type Crash,
  type CrashPlan,
  type CrashTiming,
  type CrashTrigger,
} from '../support/matrix/crash-run.js';
import { ON_VOLUMES, type MatrixSlot } from '../support/matrix/matrix-slot.js';
import { MatrixSlots } from '../support/matrix/matrix-slots.js';
import { FAULT_POINTS, VOLUME_FAULT_POINTS, type FaultPoint } from '../support/matrix/fault-points.js';
import { Report, countAttempts } from '../support/matrix/report.js';
import { TemporalProcess } from '../support/temporal-process.js';

/** A kind of crash: the process that is killed, the signal, and the number of builds that have these crashes. */
interface CrashKind {
  name: string;
  part: string;
  timings: CrashTiming[];
  /** Number of builds among which the fault points are distributed. All these builds run at the same time. */
  builds: number;
  /**
   * Number of builds among which the fault points of volumes are distributed. All these builds run at the same time.
   */
  volumeBuilds: number;
  /** Distributes the crashes among the builds. */
  split: (crashes: Crash[], builds: number) => Crash[][];
  createTrigger: (slots: MatrixSlots, server: TemporalProcess) => CrashTrigger;
}

const KINDS: CrashKind[] = [
  {
    name: 'SIGKILL',
    part: 'sigkill',
    timings: ['before', 'during', 'after'],
    builds: 9,
    // One build for each timing. Some points are not at the first call of a kind in their step, and a build passes such
    // a point only once.
    volumeBuilds: 3,
    // Each build gets consecutive points, so that the builds pause in different steps. Builds that pause in the same
    // step would use all activity slots of the worker (it has four for transfers). Builds before that step would wait
    // for a slot until the worker gives up the held calls.
    split: divide,
    createTrigger: (slots) => async (release) => {
      await slots.worker.kill();
      release('cut');
      await slots.resetStickyTaskQueues();
      await slots.startWorker();
    },
  },
  {
    name: 'SIGTERM',
    part: 'sigterm',
    timings: ['during'],
    builds: 5,
    volumeBuilds: 1,
    // The points of one build are far apart. If a build reached its next point while the worker shuts down, the
    // shutdown would take the whole grace period.
    split: distribute,
    createTrigger: (slots) => async (release) => {
      const stopped = slots.worker.stop();
      release('go');
      await stopped;
      await slots.startWorker();
    },
  },
  {
    name: 'Temporal restart',
    part: 'temporal',
    timings: ['during'],
    builds: 5,
    volumeBuilds: 1,
    split: distribute,
    createTrigger: (_slots, server) => async (release) => {
      await server.kill();
      release('go');
      await server.up();
    },
  },
];

/** Returns the name of the column for this kind of crash and this timing. */
function nameFault(kind: CrashKind, timing: CrashTiming): string {
  return kind.timings.length === 1 ? kind.name : `${kind.name} ${timing}`;
}

/**
 * Lists all crashes of a kind. A kind with several timings has no `during` for the record: one rename writes the
 * record, so a worker can only be killed before or after it.
 */
function listCrashes(kind: CrashKind, points: FaultPoint[]): Crash[] {
  return kind.timings.flatMap((timing) =>
    points
      .filter(({ document }) => document === undefined || kind.timings.length === 1 || timing !== 'during')
      .map((point) => ({ point, timing })),
  );
}

for (const kind of KINDS) {
  const plans: CrashPlan[] = [
    ...kind.split(listCrashes(kind, FAULT_POINTS), kind.builds).map((crashes) => ({ crashes })),
    ...kind
      .split(listCrashes(kind, VOLUME_FAULT_POINTS), kind.volumeBuilds)
      .map((crashes) => ({ crashes, build: ON_VOLUMES })),
  ];

  describe(`a build through ${kind.name}`, () => {
    let server: TemporalProcess;
    let temporal: TestWorkflowEnvironment;
    let env: TestEnv;
    let slots: MatrixSlots;
    let missed: string[][];
    let report: Report;
    before(
      async () => {
        report = new Report(kind.part);
        server = await TemporalProcess.start();
        temporal = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address });
        env = await TestEnv.start({ temporal, worker: false });
        slots = await MatrixSlots.start(env, plans.length);
        await slots.startWorker();
        const points = await new CrashRun(slots.all, kind.createTrigger(slots, server)).run(plans);
        missed = points.map((list) => list.map(({ name }) => name));
      },
      { timeout: 600_000 },
    );
    after(async () => {
      await report?.save();
      await slots?.close();
      await env?.close();
      await temporal?.teardown();
      await server?.close();
    });

    plans.forEach(({ crashes }, index) => {
      it(`is complete, with nothing created twice or left: ${crashes.map(({ point, timing }) => `${timing} ${point.name}`).join(', ')}`, async () => {
        const slot = slots.all[index] as MatrixSlot;
        const failure = await slot.waitForEnd();
        const wrong = await findProblem(slot, failure, missed[index] ?? []);
        const points = crashes.map(({ point }) => point);
        const attempts = await countAttempts(slot, points);
        report.add(
          crashes.map(({ point, timing }) => ({
            point: point.name,
            fault: nameFault(kind, timing),
            outcome: wrong === undefined ? 'built' : 'red',
            ...(wrong === undefined ? {} : { message: wrong }),
            attempts: attempts.get(point) ?? 0,
          })),
        );
        assert.equal(wrong, undefined);
      });
    });
  });
}

/** Returns the reason why the cells of a build are red; undefined when the build is complete as expected. */
async function findProblem(
  slot: MatrixSlot,
  failure: string | undefined,
  missed: string[],
): Promise<string | undefined> {
  if (failure !== undefined) return failure;
  if (missed.length > 0) return `the build did not reach ${missed.join(', ')}`;
  return slot.checkBuilt().then(
    () => undefined,
    (error: Error) => error.message,
  );
}
