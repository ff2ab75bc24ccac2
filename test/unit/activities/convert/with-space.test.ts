import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describeShortage, withSpace } from '../../../../src/activities/convert/with-space.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import type { Progress } from '../../../../src/domain/status.js';
import type { Shortage } from '../../../../src/store/space.js';

const GIB = 1024 ** 3;
const SHORTAGE: Shortage = { needed: 12 * GIB, free: 3 * GIB, promised: 8 * GIB, claims: 2, capacity: 100 * GIB };
const NEEDS = { folder: '/store', folderTitle: 'the store', path: '/store/work', bytes: 12 * GIB };

interface World {
  /** What each question for the space answers. After the last one, there is enough space. */
  shortages?: (Shortage | undefined)[];
  /** Number of downloads that can be removed. */
  unused?: number;
  /** Whether the cache is on the same file system. */
  sameDisk?: boolean;
  /** Whether another worker has ended the claim. */
  lost?: boolean;
  scheduledTimestampMs?: number;
}

/** Runs a step that needs space. Returns its result, and what it has reported and removed. */
async function run(world: World, work: () => Promise<string> = async () => 'done') {
  const { shortages = [], sameDisk = true, lost = false, scheduledTimestampMs = Date.now() } = world;
  let { unused = 0 } = world;
  const seen = { messages: [] as string[], released: 0, removed: 0 };
  const claim = {
    findShortage: async () => shortages.shift(),
    isHeld: async () => !lost,
    release: async () => void seen.released++,
  };
  const deps = {
    space: { claim: async () => claim, isSameDisk: async () => sameDisk },
    imageCache: {
      folder: '/cache',
      removeOldest: async () => {
        if (unused === 0) return false;
        unused--;
        seen.removed++;
        return true;
      },
    },
    pollInterval: 1,
  } as unknown as Deps;
  const env = new MockActivityEnvironment({ scheduledTimestampMs });
  env.on('heartbeat', ({ message }: Progress) => seen.messages.push(message));
  const result = await env.run(() => withSpace(deps, NEEDS, work)).catch((error: unknown) => error as Error);
  return { result, ...seen };
}

describe('a step that needs disk space', () => {
  it('begins at once when there is enough', async () => {
    const { result, messages, released } = await run({});
    assert.equal(result, 'done');
    assert.deepEqual(messages, []);
    assert.equal(released, 1);
  });

  it('waits in line, and says for what', async () => {
    const { result, messages } = await run({ shortages: [SHORTAGE, SHORTAGE] });
    assert.equal(result, 'done');
    const message = 'waits for 12 GiB of space in the store: 3 GiB are free, 8 GiB are promised to 2 other steps';
    assert.deepEqual(messages, [message, message]);
  });

  it('says nothing of others when there are none', () => {
    assert.equal(
      describeShortage({ ...SHORTAGE, claims: 0, promised: 0 }, 'the store'),
      'waits for 12 GiB of space in the store: 3 GiB are free',
    );
  });

  it('removes downloads that nobody uses before it waits', async () => {
    const { messages, removed } = await run({ shortages: [SHORTAGE, SHORTAGE], unused: 2 });
    assert.equal(removed, 2);
    assert.deepEqual(messages, []);
  });

  it('removes no downloads from another disk', async () => {
    assert.equal((await run({ shortages: [SHORTAGE], unused: 2, sameDisk: false })).removed, 0);
  });

  it('fails at once when the disk is too small for ever', async () => {
    const { result, messages } = await run({ shortages: [{ ...SHORTAGE, capacity: 10 * GIB }] });
    assert.match(String(result), /needs 12 GiB of disk space, but the disk of the store has 10 GiB in all/);
    assert.equal((result as { retryable?: boolean }).retryable, false);
    assert.deepEqual(messages, []);
  });

  it('fails at the deadline, and gives up its place', async () => {
    const { result, released } = await run({
      shortages: [SHORTAGE, SHORTAGE],
      scheduledTimestampMs: Date.now() - 13 * 3_600_000,
    });
    assert.match(String(result), /there was no space by the deadline: the step waits for 12 GiB/);
    assert.equal(released, 1);
  });

  it('runs again when another worker has given its space away', async () => {
    const { result } = await run({ lost: true }, () => Promise.reject(new Error('no such file')));
    assert.match(String(result), /another worker has given away the space/);
    assert.equal((result as { retryable?: boolean }).retryable, true);
  });

  it('fails with the error of its work', async () => {
    const { result, released } = await run({}, () => Promise.reject(new Error('it broke')));
    assert.match(String(result), /it broke/);
    assert.equal(released, 1);
  });
});
