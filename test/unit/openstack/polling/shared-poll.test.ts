import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedPoll } from '../../../../src/openstack/polling/shared-poll.js';
import { Throttle } from '../../../../src/openstack/polling/throttle.js';

const PACE = { shortest: 5, longest: 20 };
const never = new AbortController().signal;

describe('a shared poll', () => {
  it('serves all waiting callers with one list call', async () => {
    let calls = 0;
    const poll = new SharedPoll(async () => {
      calls += 1;
      return [{ id: 'a' }, { id: 'b' }];
    }, PACE);
    const [a, b, c] = await Promise.all([poll.next('a', never), poll.next('b', never), poll.next('c', never)]);
    assert.deepEqual([a, b, c], [{ id: 'a' }, { id: 'b' }, undefined]);
    assert.equal(calls, 1);
  });

  it('calls list again only while a caller waits', async () => {
    let calls = 0;
    const poll = new SharedPoll(async () => {
      calls += 1;
      return [{ id: 'a' }];
    }, PACE);
    await poll.next('a', never);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(calls, 1);
    await poll.next('a', never);
    assert.equal(calls, 2);
  });

  it('passes a failure to all waiting callers, and goes on', async () => {
    let calls = 0;
    const poll = new SharedPoll<{ id: string }>(async () => {
      calls += 1;
      if (calls === 1) throw new Error('503');
      return [{ id: 'a' }];
    }, PACE);
    const results = await Promise.allSettled([poll.next('a', never), poll.next('b', never)]);
    assert.deepEqual(
      results.map((result) => result.status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(await poll.next('a', never), { id: 'a' });
  });

  it('ends a wait at once when its signal aborts', async () => {
    const poll = new SharedPoll<{ id: string }>(() => new Promise(() => {}), PACE);
    const stop = new AbortController();
    const waiting = poll.next('a', stop.signal);
    stop.abort(new Error('cancelled'));
    await assert.rejects(waiting, /cancelled/);
  });

  it('polls more slowly when the callers have waited long', async () => {
    const times: number[] = [];
    const poll = new SharedPoll(
      async () => {
        times.push(performance.now());
        return [{ id: 'a' }];
      },
      { shortest: 1, longest: 1000 },
    );
    for (let turn = 0; turn < 30; turn++) await poll.next('a', never);
    const first = (times[1] ?? 0) - (times[0] ?? 0);
    const last = (times[29] ?? 0) - (times[28] ?? 0);
    assert.ok(last > first, `${last} ms after ${first} ms`);
  });
});

describe('a throttle', () => {
  it('hands out no more than its rate', () => {
    const throttle = new Throttle(2);
    const taken = Array.from({ length: 10 }, () => throttle.tryTake()).filter(Boolean);
    assert.equal(taken.length, 2);
  });
});
