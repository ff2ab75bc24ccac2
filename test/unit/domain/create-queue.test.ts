import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CreateQueue, type QueueNotice } from '../../../src/domain/create-queue.js';

/** A line whose members joined in the order of their names' numbers, a second apart. */
class Told {
  readonly line = new CreateQueue();
  now = 1_000_000;

  join(number: number, options: { hasInstance?: boolean; limit?: number; timeout?: number } = {}): void {
    const member = { id: `b${number}`, since: number * 1000, timeout: options.timeout ?? 3600 };
    this.line.join(member, options.hasInstance ?? false, options.limit);
  }

  /** What is said now, by member. */
  notice(): Record<string, QueueNotice> {
    return Object.fromEntries(this.line.advance(this.now).map(({ id, notice }) => [id, notice]));
  }

  /** Whose turn begins now. */
  turns(): string[] {
    return Object.entries(this.notice())
      .filter(([, notice]) => notice.state === 'turn')
      .map(([id]) => id);
  }
}

describe('the create queue of a project', () => {
  let told: Told;
  let { line } = new Told();
  beforeEach(() => {
    told = new Told();
    ({ line } = told);
  });

  it('lets several create at once while none has met a quota, and the next when one is done', () => {
    for (const number of [3, 1, 2, 7, 6, 5, 4]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2', 'b3', 'b4', 'b5']);
    line.finishTurn('b2', 'smooth', told.now);
    assert.deepEqual(told.turns(), ['b6']);
  });

  it('lets only the first try once one has met a quota, who stands then where it stood', () => {
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

  it('does not tell a build that it is alone which was given its turn with others, before one of them met a quota', () => {
    for (const number of [1, 2, 3]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2', 'b3']);
    line.reportShortage('b1', 'quota: instances 2/2', told.now);
    const reason = 'quota: instances 2/2';
    assert.deepEqual(line.answerMember('b2'), { state: 'turn', alone: false, slot: false, reason });
    for (const id of ['b2', 'b3']) line.reportShortage(id, reason, told.now);
    assert.deepEqual(told.turns(), ['b1']);
    assert.deepEqual(line.answerMember('b1'), { state: 'turn', alone: true, slot: false, reason });
  });

  it('lets several go again after a few that got through at once', () => {
    for (let number = 1; number <= 12; number++) told.join(number);
    told.notice();
    for (const id of ['b1', 'b2', 'b3', 'b4', 'b5']) line.reportShortage(id, 'quota: cores 4/4', told.now);
    for (const id of ['b1', 'b2', 'b3']) {
      assert.deepEqual(told.turns(), [id]);
      line.finishTurn(id, 'smooth', told.now);
    }
    assert.deepEqual(told.turns(), ['b4', 'b5', 'b6', 'b7', 'b8']);
  });

  it('gives no more slots than there are, and the next when a holder leaves', () => {
    for (const number of [1, 2, 3]) told.join(number, { limit: 2 });
    assert.deepEqual(told.turns(), ['b1', 'b2']);
    line.finishTurn('b1', 'smooth', told.now);
    line.finishTurn('b2', 'failed', told.now);
    assert.deepEqual(told.turns(), []);
    line.leave('b2');
    assert.deepEqual(told.turns(), ['b3']);
    assert.deepEqual(line.activeIds, ['b1', 'b3']);
  });

  it('lets a holder of a slot go on that needs another turn, though nobody else gets a slot', () => {
    for (const number of [1, 2]) told.join(number, { limit: 1 });
    told.notice();
    line.finishTurn('b1', 'failed', told.now);
    told.join(1, { limit: 1 });
    assert.deepEqual(told.turns(), ['b1']);
  });

  it('does not let a build wait whose instance is there already, which then counts', () => {
    told.join(1, { limit: 1 });
    told.notice();
    line.finishTurn('b1', 'smooth', told.now);
    told.join(2, { hasInstance: true, limit: 1 });
    assert.deepEqual(told.turns(), [], 'it knows by itself');
    assert.deepEqual(line.activeIds, ['b1', 'b2']);
    line.leave('b1');
    told.join(3, { limit: 1 });
    line.finishTurn('b2', 'smooth', told.now);
    assert.deepEqual(told.turns(), []);
  });

  it('tells a build of its turn again that joins again, and keeps its place', () => {
    for (const number of [1, 2]) told.join(number);
    assert.deepEqual(told.turns(), ['b1', 'b2']);
    told.join(1);
    assert.deepEqual(told.turns(), ['b1']);
    assert.equal(line.state.entries.length, 2);
  });

  it('tells who waits the place at once, and again at half of it', () => {
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

  it('sends away who has waited long enough for a cloud from which nobody gets anything', () => {
    for (const number of [1, 2, 3]) told.join(number, { timeout: number === 3 ? 10 : 100 });
    told.notice();
    for (const id of ['b1', 'b2', 'b3']) line.reportShortage(id, 'quota: instances 0/0', told.now);
    assert.deepEqual(told.turns(), ['b1']);
    told.now += 9_000;
    line.finishTurn('b1', 'waited', told.now);
    assert.deepEqual(told.turns(), ['b2']);
    told.now += 9_000;
    assert.deepEqual(told.notice(), {}, 'somebody has got on meanwhile');
    told.now += 1_000;
    assert.deepEqual(told.notice(), { b3: { state: 'expelled', reason: 'quota: instances 0/0' } });
    assert.deepEqual(line.activeIds, ['b2']);
  });

  it('does not send anybody away who waits for a slot only', () => {
    for (const number of [1, 2]) told.join(number, { limit: 1, timeout: 1 });
    told.notice();
    told.now += 3_600_000;
    assert.deepEqual(told.notice(), {});
  });

  it('forgets what was short when nobody is left who wants it', () => {
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
