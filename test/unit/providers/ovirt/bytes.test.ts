import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { keepAlive } from '../../../../src/providers/ovirt/keep-alive.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { BLOCK_DOMAIN } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

const PART = 4 * 1024 ** 2;
/** Three parts; the last is shorter. */
const CONTENT = Buffer.concat([createDisk({ blocks: 2, blockSize: PART, data: [0] }), Buffer.alloc(65_536, 'end')]);

describe('the bytes of an upload to oVirt', () => {
  let bench: Bench;
  let image: PushedImage;
  beforeEach(async () => {
    bench = await createBench();
    image = await createPushedImage(bench.folder, CONTENT);
  });
  afterEach(() => bench.close());

  /** Uploads until the first part has arrived, as a worker that is killed then. */
  async function uploadBeginning(configuration = {}): Promise<void> {
    const stop = new AbortController();
    const onReport = (): void => {
      if ((bench.engine.imageio?.written ?? 0) > 0) stop.abort(new Error('killed'));
    };
    const provider = await bench.connect(configuration);
    await assert.rejects(provider.upload(createOperation({ signal: stop.signal, onReport }), image), /killed/);
    await provider.close();
  }

  function content(id: string): Buffer | undefined {
    return bench.engine.imageio?.disks.get(id)?.content;
  }

  it('sends everything when block storage cannot tell what is zero, and zeroes what it held before', async () => {
    const { imageio, state } = bench.engine;
    if (imageio === undefined) throw new Error('no imageio');
    imageio.tellsZeros = false;
    const stop = new AbortController();
    const operation = createOperation({ signal: stop.signal, onReport: () => stop.abort(new Error('killed')) });
    const provider = await bench.connect({ storage_domain: BLOCK_DOMAIN.id });
    await assert.rejects(provider.upload(operation, image), /killed/);
    const [id = ''] = state.disks.keys();
    assert.equal(state.disks.get(id)?.sparse, false);
    imageio.disks.set(id, { content: Buffer.alloc(CONTENT.length, 'old') });
    const { registered } = await pushUntilDone(bench, image);
    assert.deepEqual(content(registered.id), CONTENT);
    // One for the zeros, one to flush.
    assert.equal(bench.engine.server.log.count({ method: 'PATCH' }), 1 + 1);
  });

  it('resumes a transfer that the engine has paused', async () => {
    await uploadBeginning();
    for (const transfer of bench.engine.state.transfers.values()) transfer.phase = 'paused_system';
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.deepEqual(failures, []);
    assert.deepEqual(content(registered.id), CONTENT);
    assert.equal(bench.engine.server.log.count({ method: 'POST', path: /imagetransfers$/ }), 1);
  });

  it('begins again when the host does not know the ticket any more', async () => {
    await uploadBeginning();
    bench.engine.imageio?.tickets.clear();
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.match(failures.map(({ message }) => message).join(), /lost the upload/);
    assert.deepEqual(content(registered.id), CONTENT);
  });

  it('goes to the engine’s proxy when the host cannot be reached', async () => {
    bench.engine.hostUrl = 'http://127.0.0.1:1/images/ticket';
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.deepEqual(failures, []);
    assert.deepEqual(content(registered.id), CONTENT);
  });

  it('are compared: the push fails when the far end has others after a whole upload', async () => {
    const { imageio } = bench.engine;
    if (imageio === undefined) throw new Error('no imageio');
    const handle = imageio.handle.bind(imageio);
    imageio.handle = (call) => {
      const reply = handle(call);
      if (call.method === 'PUT') for (const disk of imageio.disks.values()) disk.content.fill('broken', 0, 6);
      return reply;
    };
    await assert.rejects(pushUntilDone(bench, image), { type: 'ImageFailed', retryable: false, message: /differs/ });
  });

  it('are not compared when the host cannot compute a checksum, and the record says so', async () => {
    if (bench.engine.imageio !== undefined) bench.engine.imageio.features = ['extents', 'zero', 'flush'];
    const { registered } = await pushUntilDone(bench, image);
    assert.match(registered.verifiedBy, /^not verified/);
  });

  it('are refused by a host that is too old', async () => {
    if (bench.engine.imageio !== undefined) bench.engine.imageio.features = ['extents'];
    await assert.rejects(pushUntilDone(bench, image), { type: 'ImageFailed', message: /lacks zero, flush/ });
  });

  it('are sent at the rate that the user allows', async () => {
    const pauses: number[] = [];
    const operation = createOperation({ uploadRate: PART / 100 });
    const { sleep } = operation;
    operation.sleep = async (milliseconds) => {
      pauses.push(milliseconds);
      await sleep(milliseconds);
    };
    const provider = await bench.connect();
    const { sent } = await provider.upload(operation, image);
    assert.equal(sent, PART + 65_536);
    // Nobody really sleeps in this test, so the last part must wait for nearly the whole time of the first: 100 s.
    assert.ok(Math.max(...pauses) > 50_000, `${Math.max(...pauses)}`);
  });

  it('keep the transfer alive while they are slow', async () => {
    let calls = 0;
    const operation = createOperation();
    const imageio = { options: async () => ({ features: [], max_writers: ++calls }) };
    await keepAlive(
      operation,
      imageio,
      async (watched) => {
        watched.report({ message: 'slow' });
        while (calls < 3) await new Promise((resolve) => setImmediate(resolve));
      },
      1,
    );
    assert.ok(operation.progress.length >= 3, 'the worker shows that it lives');
    const ended = calls;
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(calls, ended);
  });
});
