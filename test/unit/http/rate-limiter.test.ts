import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { RateLimiter } from '../../../src/http/rate-limiter.js';

/** Returns a test function that runs with a mocked clock; `pass` advances the clock by some milliseconds. */
function onMockedClock(work: (pass: (ms: number) => Promise<void>) => Promise<void>): () => Promise<void> {
  return async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    try {
      await work(async (ms) => {
        for (let passed = 0; passed < ms; passed += 10) {
          mock.timers.tick(10);
          await Promise.resolve();
        }
      });
    } finally {
      mock.timers.reset();
    }
  };
}

describe('the pace of calls', () => {
  it(
    'starts calls at its rate, in the order in which they were requested',
    onMockedClock(async (pass) => {
      const pace = new RateLimiter(10);
      const done: number[] = [];
      for (let call = 0; call < 5; call++) void pace.acquire().then(() => done.push(call));
      await pass(250);
      assert.deepEqual(done, [0, 1, 2]);
      await pass(200);
      assert.deepEqual(done, [0, 1, 2, 3, 4]);
    }),
  );

  it(
    'applies a new rate also to the calls that wait already',
    onMockedClock(async (pass) => {
      const pace = new RateLimiter(0.1);
      let done = 0;
      for (let call = 0; call < 3; call++) void pace.acquire().then(() => (done += 1));
      await pass(1000);
      assert.equal(done, 1);
      pace.setRate(10);
      await pass(250);
      assert.equal(done, 3);
    }),
  );

  it(
    'uses no time for a call that is aborted while it waits',
    onMockedClock(async (pass) => {
      const pace = new RateLimiter(1);
      await Promise.all([pace.acquire(), pass(10)]);
      const abort = new AbortController();
      const second = pace.acquire(abort.signal);
      let third = false;
      void pace.acquire().then(() => (third = true));
      abort.abort(new Error('stopped'));
      await assert.rejects(second, /stopped/);
      await pass(1010);
      assert.ok(third);
    }),
  );
});
