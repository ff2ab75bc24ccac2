import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CreateQueue, type QueueNotice } from '../../../src/domain/create-queue.js';

/**
 * A create queue with a test clock. The number of a member sets the second at which it joined (b1 at 1 s, b2 at 2 s),
 * whatever the order of the calls of `join`.
 */
class TestQueue {
  readonly line = new CreateQueue();
  now = 1_000_000;

  join(number: number, options: { hasInstance?: boolean; limit?: number; timeout?: number } = {}): void {
    const member = { id: `b${number}`, since: number * 1000, timeout: options.timeout ?? 3600 };
    this.line.join(member, options.hasInstance ?? false, options.limit);
  }

  /** Advances the queue to `now` and returns its notices by member id. */
  notice(): Record<string, QueueNotice> {
    return Object.fromEntries(this.line.advance(this.now).map(({ id, notice }) => [id, notice]));
  }

  /** Advances the queue to `now` and returns the ids of the members whose turn begins. */
  turns(): string[] {
    return Object.entries(this.notice())
      .filter(([, notice]) => notice.state === 'turn')
      .map(([id]) => id);
  }
}

describe('the create queue of a project', () => {
  let told: TestQueue;
  let { line } = new TestQueue();
  beforeEach(() => {
    told = new TestQueue();
    ({ line } = told);
  });

  it('lets five builds create at once while none has met a quota, and the next when one has finished', () => {
    for (const number of [3, 1, 2, 7, 6, 5, 4]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2', 'b3', 'b4', 'b5']);
    line.finishTurn('b2', 'smooth', told.now);
    assert.deepEqual(told.turns(), ['b6']);
  });

  it('lets only the first build try after one has met a quota; builds that met it keep their places', () => {
    for (const number of [1, 2, 3, 4, 5, 6]) told.join(number);
    told.notice();
    line.reportShortage('b3', 'quota: instances 2/2', told.now);
    line.reportShortage('b4', 'quota: instances 2/2', told.now);
    line.reportShortage('b5', 'quota: instances 2/2', told.now);
    assert.deepEqual(told.turns(), [], 'b1 and b2 still create');
    line.finishTurn('b1', 'smooth', told.now);
    assert.deepEqual(told.turns(), []);
    line.finishTurn('b2', 'smooth', told.now);
    assert.deepEqual(told.notice()['b3'], {
      state: 'turn',
      alone: true,
      slot: false,
      reason: 'quota: instances 2/2',
    });
    line.finishTurn('b3', 'waited', told.now);
    assert.deepEqual(told.turns(), ['b4']);
  });

  it('reports alone: false to a build that got its turn together with others before one of them met a quota', () => {
    for (const number of [1, 2, 3]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2', 'b3']);
    line.reportShortage('b1', 'quota: instances 2/2', told.now);
    const reason = 'quota: instances 2/2';
    assert.deepEqual(line.answerMember('b2'), { state: 'turn', alone: false, slot: false, reason });
    for (const id of ['b2', 'b3']) line.reportShortage(id, reason, told.now);
    assert.deepEqual(told.turns(), ['b1']);
    assert.deepEqual(line.answerMember('b1'), { state: 'turn', alone: true, slot: false, reason });
  });

  it('lets several builds create at once again after three in a row succeeded without waiting', () => {
    for (let number = 1; number <= 12; number++) told.join(number);
    told.notice();
    for (const id of ['b1', 'b2', 'b3', 'b4', 'b5']) line.reportShortage(id, 'quota: cores 4/4', told.now);
    for (const id of ['b1', 'b2', 'b3']) {
      assert.deepEqual(told.turns(), [id]);
      line.finishTurn(id, 'smooth', told.now);
    }
    assert.deepEqual(told.turns(), ['b4', 'b5', 'b6', 'b7', 'b8']);
  });

  it('gives no more slots than the limit, and gives a slot to the next build when a holder leaves', () => {
    for (const number of [1, 2, 3]) told.join(number, { limit: 2 });
    assert.deepEqual(told.turns(), ['b1', 'b2']);
    line.finishTurn('b1', 'smooth', told.now);
    line.finishTurn('b2', 'failed', told.now);
    assert.deepEqual(told.turns(), []);
    line.leave('b2');
    assert.deepEqual(told.turns(), ['b3']);
    assert.deepEqual(line.activeIds, ['b1', 'b3']);
  });

  it('gives the holder of a slot another turn when all slots are taken', () => {
    for (const number of [1, 2]) told.join(number, { limit: 1 });
    told.notice();
    line.finishTurn('b1', 'failed', told.now);
    told.join(1, { limit: 1 });
    assert.deepEqual(told.turns(), ['b1']);
  });

  it('does not make a build wait whose instance exists already, and counts that build as a holder of a slot', () => {
    told.join(1, { limit: 1 });
    told.notice();
    line.finishTurn('b1', 'smooth', told.now);
    told.join(2, { hasInstance: true, limit: 1 });
    assert.deepEqual(told.turns(), [], 'b2 needs no notice');
    assert.deepEqual(line.activeIds, ['b1', 'b2']);
    line.leave('b1');
    told.join(3, { limit: 1 });
    line.finishTurn('b2', 'smooth', told.now);
    assert.deepEqual(told.turns(), []);
  });

  it('repeats the notice of the turn when a build joins again, and keeps the build’s place', () => {
    for (const number of [1, 2]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2']);
    told.join(1);
    assert.deepEqual(told.turns(), ['b1']);
    assert.equal(line.state.entries.length, 2);
  });

  it('sends a waiting build its place at once, and again when the place has halved', () => {
    for (let number = 1; number <= 9; number++) told.join(number, { limit: 1 });
    const first = told.notice();
    assert.deepEqual(first['b9'], { state: 'waiting', position: 8, of: 8 });
    assert.deepEqual(line.findPosition('b9'), { state: 'waiting', position: 8, of: 8 });
    assert.equal(line.findPosition('b1'), undefined);
    for (let number = 1; number <= 3; number++) {
      line.leave(`b${number}`);
      assert.equal(told.notice()['b9'], undefined);
    }
    line.leave('b4');
    assert.deepEqual(told.notice()['b9'], { state: 'waiting', position: 4, of: 4 });
  });

  it('expels a build that has waited for its timeout while no build made progress', () => {
    for (const number of [1, 2, 3]) told.join(number, { timeout: number === 3 ? 10 : 100 });
    told.notice();
    for (const id of ['b1', 'b2', 'b3']) line.reportShortage(id, 'quota: instances 0/0', told.now);
    assert.deepEqual(told.turns(), ['b1']);
    told.now += 9_000;
    line.finishTurn('b1', 'waited', told.now);
    assert.deepEqual(told.turns(), ['b2']);
    told.now += 9_000;
    assert.deepEqual(told.notice(), {}, 'b1 finished its turn 9 s ago, less than the timeout of b3');
    told.now += 1_000;
    assert.deepEqual(told.notice(), { b3: { state: 'expelled', reason: 'quota: instances 0/0' } });
    assert.deepEqual(line.activeIds, ['b2']);
  });

  it('does not expel a build that waits only for a slot', () => {
    for (const number of [1, 2]) told.join(number, { limit: 1, timeout: 1 });
    told.notice();
    told.now += 3_600_000;
    assert.deepEqual(told.notice(), {});
  });

  it('forgets the shortage when no build waits or creates any more', () => {
    told.join(1);
    told.notice();
    line.reportShortage('b1', 'quota: instances 0/0', told.now);
    line.leave('b1');
    told.join(2);
    assert.deepEqual(told.notice(), { b2: { state: 'turn', alone: false, slot: false } });
    line.finishTurn('b2', 'smooth', told.now);
    assert.ok(line.isEmpty);
  });
});
