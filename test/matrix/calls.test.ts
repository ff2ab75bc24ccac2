import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FaultInjector } from '../support/matrix/ambush.js';
import { TestEnv } from '../support/bed.js';
import { CALL_FAILURES, failAt, isFinal, type CallFailure } from '../support/matrix/calls-fail.js';
import { distribute } from '../support/matrix/deal.js';
import { ON_VOLUMES, type MatrixSlot, type SlotBuild } from '../support/matrix/lane.js';
import { MatrixSlots } from '../support/matrix/lanes.js';
import { FAULT_POINTS, VOLUME_FAULT_POINTS, type FaultPoint } from '../support/matrix/places.js';
import { Report, triesAt } from '../support/matrix/report.js';

/** So many builds share the places of a failure. */
const SHARES = 3;
/** Milliseconds after which the worker gives up a call that is not answered. */
const CALL_DEADLINE = 2000;
/** Builds at once. */
const LANES = 9;

interface Share {
  failure: CallFailure;
  places: FaultPoint[];
  build?: SlotBuild;
}

const WITH_CALLS = FAULT_POINTS.filter(({ call, medium }) => call !== undefined || medium === true);
const BUILT: Share[] = CALL_FAILURES.flatMap((failure) => [
  ...distribute(WITH_CALLS, SHARES).map((places) => ({
    failure,
    places: places.filter((place) => !isFinal(place, failure)),
  })),
  { failure, places: VOLUME_FAULT_POINTS, build: ON_VOLUMES },
]);

describe('a build whose calls fail once at each of these places', { concurrency: LANES }, () => {
  let bed: TestEnv;
  let lanes: MatrixSlots;
  let free: MatrixSlot[];
  const report = new Report('calls');
  before(async () => {
    bed = await TestEnv.start({ worker: false });
    lanes = await MatrixSlots.start(bed, LANES, CALL_DEADLINE);
    free = [...lanes.all];
    await lanes.startWorker();
  });
  after(async () => {
    await report.save();
    await lanes?.close();
    await bed?.close();
  });

  async function go(lane: MatrixSlot, { failure, places, build }: Share): Promise<string | undefined> {
    const ambush = new FaultInjector(
      lane,
      places.map((place) => ({ place, blow: failAt(lane, place, failure) })),
    );
    await lane.begin(build);
    const failed = await lane.ended();
    ambush.disarm();
    const missed = ambush.missed.map(({ name }) => name);
    if (failed !== undefined) return failed;
    if (missed.length > 0) return `it never came to ${missed.join(', ')}`;
    return lane.checkBuilt().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  for (const share of BUILT) {
    const { failure, places } = share;
    it(`is complete, with nothing made twice or left, after ${failure.name} in ${places.map(({ name }) => name).join(', ')}`, async () => {
      const lane = free.pop() as MatrixSlot;
      try {
        const wrong = await go(lane, share);
        const outcome = wrong === undefined ? 'built' : 'red';
        const says = wrong === undefined ? {} : { says: wrong };
        const tries = await triesAt(lane, places);
        report.add(
          places.map((place) => ({
            place: place.name,
            fault: failure.name,
            outcome,
            ...says,
            tries: tries.get(place) ?? 0,
          })),
        );
        assert.equal(wrong, undefined);
      } finally {
        free.push(lane);
      }
    });
  }
});
