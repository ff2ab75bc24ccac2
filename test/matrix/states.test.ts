import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestEnv } from '../support/bed.js';
import { FaultInjector } from '../support/matrix/ambush.js';
import type { MatrixSlot } from '../support/matrix/lane.js';
import { MatrixSlots } from '../support/matrix/lanes.js';
import { Report, triesAt, type CellResult } from '../support/matrix/report.js';
import { STATE_CELLS, type StateCell } from '../support/matrix/states.js';

/** Builds at once. */
const LANES = 8;

/** What is wrong with how a build went, if anything. */
async function wrongWith(
  lane: MatrixSlot,
  { expects }: StateCell,
  failure: string | undefined,
): Promise<string | undefined> {
  try {
    if (expects === 'built') {
      assert.equal(failure, undefined);
      await lane.checkBuilt();
    } else {
      assert.match(failure ?? 'it is complete', expects);
      await lane.checkFailed();
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a build that meets a thing of its own in a bad way', { concurrency: LANES }, () => {
  let bed: TestEnv;
  let lanes: MatrixSlots;
  let free: MatrixSlot[];
  const report = new Report('states');
  before(async () => {
    bed = await TestEnv.start({ worker: false });
    lanes = await MatrixSlots.start(bed, LANES);
    free = [...lanes.all];
    await lanes.startWorker();
  });
  after(async () => {
    await report.save();
    await lanes?.close();
    await bed?.close();
  });

  async function go(lane: MatrixSlot, cell: StateCell): Promise<CellResult> {
    const { place, fault, expects, behaviour, blow } = cell;
    const ambush = new FaultInjector(lane, blow === undefined ? [] : [{ place, blow: blow(lane) }]);
    const forget = behaviour === undefined ? undefined : lane.cloud.behaviours.add(behaviour);
    await lane.begin(cell.build);
    const failure = await lane.ended();
    ambush.disarm();
    forget?.();
    const missed = ambush.missed.length > 0 ? 'it never came to pass' : undefined;
    const wrong = missed ?? (await wrongWith(lane, cell, failure));
    const outcome = wrong !== undefined ? 'red' : expects === 'built' ? 'built' : 'failed';
    const says = wrong ?? failure;
    const tries = (await triesAt(lane, [place])).get(place) ?? 0;
    return { place: place.name, fault, outcome, ...(says === undefined ? {} : { says }), tries };
  }

  for (const cell of STATE_CELLS) {
    const { place, fault, expects } = cell;
    const how = expects === 'built' ? 'is complete' : `fails saying ${expects.source}`;
    it(`${how}: ${place.name}, ${fault}`, async () => {
      const lane = free.pop() as MatrixSlot;
      try {
        const result = await go(lane, cell);
        report.add([result]);
        assert.notEqual(result.outcome, 'red', result.says);
      } finally {
        free.push(lane);
      }
    });
  }
});
