import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestEnv } from '../support/test-env.js';
import { FaultInjector } from '../support/matrix/fault-injector.js';
import type { MatrixSlot } from '../support/matrix/matrix-slot.js';
import { MatrixSlots } from '../support/matrix/matrix-slots.js';
import { Report, countAttempts, type CellResult } from '../support/matrix/report.js';
import { STATE_CELLS, type StateCell } from '../support/matrix/states.js';

/** Number of builds at the same time. */
const SLOTS = 8;

/** Returns the reason why the cell is red; undefined when the build has ended as expected. */
async function findProblem(
  slot: MatrixSlot,
  { expects }: StateCell,
  failure: string | undefined,
): Promise<string | undefined> {
  try {
    if (expects === 'built') {
      assert.equal(failure, undefined);
      await slot.checkBuilt();
    } else {
      assert.match(failure ?? 'it is complete', expects);
      await slot.checkFailed();
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a build with a resource in a bad state', { concurrency: SLOTS }, () => {
  let env: TestEnv;
  let slots: MatrixSlots;
  let free: MatrixSlot[];
  const report = new Report('states');
  before(async () => {
    env = await TestEnv.start({ worker: false });
    slots = await MatrixSlots.start(env, SLOTS);
    free = [...slots.all];
    await slots.startWorker();
  });
  after(async () => {
    await report.save();
    await slots?.close();
    await env?.close();
  });

  async function run(slot: MatrixSlot, cell: StateCell): Promise<CellResult> {
    const { point, fault, expects, behaviour, injection } = cell;
    const injector = new FaultInjector(slot, injection === undefined ? [] : [{ point, injection: injection(slot) }]);
    const removeBehaviour = behaviour === undefined ? undefined : slot.cloud.behaviours.add(behaviour);
    await slot.startBuild(cell.build);
    const failure = await slot.waitForEnd();
    injector.disarm();
    removeBehaviour?.();
    const missed = injector.missed.length > 0 ? 'the build did not reach the fault point' : undefined;
    const wrong = missed ?? (await findProblem(slot, cell, failure));
    const outcome = wrong !== undefined ? 'red' : expects === 'built' ? 'built' : 'failed';
    const message = wrong ?? failure;
    const attempts = (await countAttempts(slot, [point])).get(point) ?? 0;
    return { point: point.name, fault, outcome, ...(message === undefined ? {} : { message }), attempts };
  }

  for (const cell of STATE_CELLS) {
    const { point, fault, expects } = cell;
    const how = expects === 'built' ? 'is complete' : `fails with ${expects.source}`;
    it(`${how}: ${point.name}, ${fault}`, async () => {
      const slot = free.pop() as MatrixSlot;
      try {
        const result = await run(slot, cell);
        report.add([result]);
        assert.notEqual(result.outcome, 'red', result.message);
      } finally {
        free.push(slot);
      }
    });
  }
});
