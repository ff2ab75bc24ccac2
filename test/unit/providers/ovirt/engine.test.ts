import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { PushedImage } from '../../../../src/providers/types.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

const CONTENT = createDisk({ blocks: 4, blockSize: 65_536, data: [0, 3] });

describe('the engine of oVirt', () => {
  let bench: Bench;
  let image: PushedImage;
  beforeEach(async () => {
    bench = await createBench();
    image = await createPushedImage(bench.folder, CONTENT);
  });
  afterEach(() => bench.close());

  it('does not take the 404 of a proxy for an absence, neither of a list nor of an object', async () => {
    const provider = await bench.connect();
    const { registered } = await pushUntilDone(bench, image);
    await provider.listStaging(createOperation());
    const match = { path: /^\/ovirt-engine\/api/ };
    const remove = bench.engine.server.fail({ kind: 'status', status: 404, match, times: Infinity });
    const failure = { type: 'CloudUnavailable', retryable: true, status: 404 };
    await assert.rejects(provider.listStaging(createOperation()), failure);
    await assert.rejects(provider.removeStaging(createOperation(), image.uuid), failure);
    await assert.rejects(provider.delete(createOperation(), registered), failure);
    await assert.rejects(provider.find(createOperation(), image), failure);
    remove();
    assert.deepEqual(await provider.delete(createOperation(), registered), [`disk ${registered.id}`]);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
  });

  it('signs in for all callers, also when the first of them is aborted', async () => {
    const stop = new AbortController();
    const match = { path: /oauth\/token/ };
    bench.engine.server.fail({ kind: 'late', ms: 100, match });
    const provider = await bench.connect();
    const first = provider.find(createOperation({ signal: stop.signal }), image);
    const second = provider.find(createOperation(), { ...image, uuid: randomUUID() });
    setTimeout(() => stop.abort(new Error('cancelled')), 20);
    await assert.rejects(first, /cancelled/);
    assert.equal(await second, undefined);
    assert.equal(bench.engine.tokens.size, 1);
  });
});
