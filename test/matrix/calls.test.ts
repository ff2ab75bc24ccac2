import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FaultInjector } from '../support/matrix/fault-injector.js';
import { TestEnv } from '../support/test-env.js';
import { CALL_FAILURES, createCallFailure, isFinal, type CallFailure } from '../support/matrix/call-failures.js';
import { distribute } from '../support/matrix/distribute.js';
import { ON_VOLUMES, type MatrixSlot, type SlotBuild } from '../support/matrix/matrix-slot.js';
import { MatrixSlots } from '../support/matrix/matrix-slots.js';
import { FAULT_POINTS, VOLUME_FAULT_POINTS, type FaultPoint } from '../support/matrix/fault-points.js';
import { Report, countAttempts } from '../support/matrix/report.js';

/** Number of builds among which the fault points of one failure are distributed. */
const BUILDS_PER_FAILURE = 3;
/** Milliseconds after which the worker gives up a call without an answer. */
const CALL_DEADLINE = 2000;
/** Number of builds at the same time. */
const SLOTS = 9;

/** One build, and the points at which its calls fail. */
interface FailurePlan {
  failure: CallFailure;
  points: FaultPoint[];
  build?: SlotBuild;
}

const WITH_CALLS = FAULT_POINTS.filter(({ call, medium }) => call !== undefined || medium === true);
const PLANS: FailurePlan[] = CALL_FAILURES.flatMap((failure) => [
  ...distribute(WITH_CALLS, BUILDS_PER_FAILURE).map((points) => ({
    failure,
    points: points.filter((point) => !isFinal(point, failure)),
  })),
  { failure, points: VOLUME_FAULT_POINTS, build: ON_VOLUMES },
]);

describe('a build whose calls fail once at each of these fault points', { concurrency: SLOTS }, () => {
  let env: TestEnv;
  let slots: MatrixSlots;
  let free: MatrixSlot[];
  const report = new Report('calls');
  before(async () => {
    env = await TestEnv.start({ worker: false });
    slots = await MatrixSlots.start(env, SLOTS, CALL_DEADLINE);
    free = [...slots.all];
    await slots.startWorker();
  });
  after(async () => {
    await report.save();
    await slots?.close();
    await env?.close();
  });

  /** @returns the reason why the cell is red; undefined when the build is complete as expected */
  async function run(slot: MatrixSlot, { failure, points, build }: FailurePlan): Promise<string | undefined> {
    const injector = new FaultInjector(
      slot,
      points.map((point) => ({ point, injection: createCallFailure(slot, point, failure) })),
    );
    await slot.startBuild(build);
    const failed = await slot.waitForEnd();
    injector.disarm();
    const missed = injector.missed.map(({ name }) => name);
    if (failed !== undefined) return failed;
    if (missed.length > 0) return `the build did not reach ${missed.join(', ')}`;
    return slot.checkBuilt().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  for (const plan of PLANS) {
    const { failure, points } = plan;
    it(`is complete, with nothing created twice or left, after ${failure.name} in ${points.map(({ name }) => name).join(', ')}`, async () => {
      const slot = free.pop() as MatrixSlot;
      try {
        const wrong = await run(slot, plan);
        const outcome = wrong === undefined ? 'built' : 'red';
        const message = wrong === undefined ? {} : { message: wrong };
        const attempts = await countAttempts(slot, points);
        report.add(
          points.map((point) => ({
            point: point.name,
            fault: failure.name,
            outcome,
            ...message,
            attempts: attempts.get(point) ?? 0,
          })),
        );
        assert.equal(wrong, undefined);
      } finally {
        free.push(slot);
      }
    });
  }
});
