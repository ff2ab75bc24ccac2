import assert from 'node:assert/strict';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { readBlocks, type Block } from '../../../../src/providers/transfer/blocks.js';
import { retryPart } from '../../../../src/providers/transfer/retry-part.js';
import { runConcurrently } from '../../../../src/providers/transfer/run-concurrently.js';
import { UploadPace } from '../../../../src/providers/transfer/upload-pace.js';
import { createOperation } from '../../../support/providers/operation.js';

describe('readBlocks', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blocks-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('reads the blocks of a file, and tells which hold only zeros', async () => {
    const path = join(folder, 'disk');
    await writeFile(path, Buffer.concat([Buffer.from('aaaa'), Buffer.alloc(4), Buffer.from('bb')]));
    const blocks: Block[] = [];
    for await (const block of readBlocks(path, 4)) blocks.push(block);
    assert.deepEqual(
      blocks.map(({ index, offset, length, data }) => [index, offset, length, data?.toString()]),
      [
        [0, 0, 4, 'aaaa'],
        [1, 4, 4, undefined],
        [2, 8, 2, 'bb'],
      ],
    );
  });

  it('begins at the block that it is told', async () => {
    const path = join(folder, 'rest');
    await writeFile(path, 'aaaabbbb');
    const blocks: Block[] = [];
    for await (const block of readBlocks(path, 4, { from: 1 })) blocks.push(block);
    assert.deepEqual(
      blocks.map(({ index, data }) => [index, data?.toString()]),
      [[1, 'bbbb']],
    );
  });
});

describe('runConcurrently', () => {
  it('never runs more calls at the same time than allowed', async () => {
    let running = 0;
    let most = 0;
    await runConcurrently([1, 2, 3, 4, 5, 6], 2, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    });
    assert.equal(most, 2);
  });

  it('takes no more items after a failure, and throws it', async () => {
    const seen: number[] = [];
    const work = async (item: number): Promise<void> => {
      seen.push(item);
      if (item === 2) throw new Error('the second fails');
    };
    await assert.rejects(() => runConcurrently([1, 2, 3, 4], 1, work), /the second fails/);
    assert.deepEqual(seen, [1, 2]);
  });
});

describe('retryPart', () => {
  const busy = new FactoryError('RateLimited', 'slow down', { retryable: true });

  it('tries again after a failure that passes', async () => {
    const answers = [busy, busy];
    const result = await retryPart(createOperation(), async () => {
      const error = answers.pop();
      if (error !== undefined) throw error;
      return 'sent';
    });
    assert.equal(result, 'sent');
  });

  it('gives up after five tries', async () => {
    let tries = 0;
    const send = async (): Promise<void> => {
      tries++;
      throw busy;
    };
    await assert.rejects(() => retryPart(createOperation(), send), /slow down/);
    assert.equal(tries, 5);
  });

  it('does not try again after a failure that stays', async () => {
    let tries = 0;
    const send = async (): Promise<void> => {
      tries++;
      throw new FactoryError('Forbidden', 'no');
    };
    await assert.rejects(() => retryPart(createOperation(), send), /no/);
    assert.equal(tries, 1);
  });
});

describe('UploadPace', () => {
  it('counts holes as done', () => {
    const operation = createOperation();
    const pace = new UploadPace(operation, 'uploading disk', 4096);
    pace.skip(1024);
    pace.sent(1024);
    assert.deepEqual(operation.progress.at(-1), { message: 'uploading disk: 2 KiB of 4 KiB', percent: 50 });
  });

  it('waits when the rate would be exceeded', async () => {
    const waits: number[] = [];
    const operation = { ...createOperation({ uploadRate: 1000 }), sleep: async (ms: number) => void waits.push(ms) };
    const pace = new UploadPace(operation, 'uploading disk', 4000);
    await pace.acquire(2000);
    await pace.acquire(2000);
    assert.equal(waits.length, 1);
    assert.ok(waits[0] !== undefined && waits[0] > 1000 && waits[0] <= 2000);
  });

  it('does not make up for a stall, nor for bytes that were skipped', async (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const waits: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      waits.push(ms);
      context.mock.timers.tick(ms);
    };
    const pace = new UploadPace({ ...createOperation({ uploadRate: 1000 }), sleep }, 'uploading disk', 99_000);
    await pace.acquire(2000);
    context.mock.timers.tick(60_000);
    pace.skip(50_000);
    for (let part = 0; part < 3; part++) await pace.acquire(2000);
    assert.deepEqual(waits, [2000, 2000]);
  });

  it('shows a speed without the bytes that were skipped', (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const operation = createOperation();
    const pace = new UploadPace(operation, 'uploading disk', 102_400);
    pace.sent(1024);
    context.mock.timers.tick(2000);
    pace.skip(51_200);
    pace.sent(2048);
    assert.match(operation.progress.at(-1)?.message ?? '', /, 1 KiB\/s, /);
  });
});
