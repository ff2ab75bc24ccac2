import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { BLOCK_DOMAIN } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import type { PushedImage } from '../../../../src/providers/types.js';

const MIB = 1024 ** 2;
const PART = 4 * MIB;
/** 9 parts. The parts 2 and 5 are zeros. */
const DATA = [0, 1, 3, 4, 6, 7, 8];
const CONTENT = createDisk({ blocks: 9, blockSize: PART, data: DATA });

describe('an upload to oVirt that was interrupted', () => {
  let bench: Bench;
  let folder: string;
  let file: PushedImage;
  let image: PushedImage;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-ovirt-'));
    file = await createPushedImage(folder, CONTENT);
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    bench = await createBench();
    image = { ...file, uuid: randomUUID() };
  });
  afterEach(() => bench.close());

  /** Uploads until so many parts have arrived, as a worker that is killed then. */
  async function uploadParts(count: number, pushed = image, notes?: Map<string, string>): Promise<void> {
    const stop = new AbortController();
    const { imageio } = bench.engine;
    const before = imageio?.offsets.length ?? 0;
    const onReport = (): void => {
      if ((imageio?.offsets.length ?? 0) - before >= count) stop.abort(new Error('killed'));
    };
    const operation = createOperation({ signal: stop.signal, onReport, ...(notes === undefined ? {} : { notes }) });
    const provider = await bench.connect();
    await assert.rejects(provider.upload(operation, pushed), /killed/);
    await provider.close();
    // Calls that had left the worker when it died arrive all the same.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  function content(id: string): Buffer | undefined {
    return bench.engine.imageio?.disks.get(id)?.content;
  }

  for (const [where, count] of [
    ['first', 1],
    ['middle', 4],
    ['last', DATA.length],
  ] as const) {
    it(`goes on from the ${where} part, and sends at most one part a connection again`, async () => {
      const notes = new Map<string, string>();
      await uploadParts(count, image, notes);
      const arrived = bench.engine.imageio?.offsets.length ?? 0;
      // Without notes, as on a worker that has lost them.
      const { registered } = await pushUntilDone(bench, image, {}, count === 4 ? notes : new Map());
      assert.deepEqual(content(registered.id), CONTENT);
      const sent = bench.engine.imageio?.offsets.length ?? 0;
      assert.ok(sent - DATA.length <= 4, `${sent - DATA.length} parts were sent twice`);
      assert.ok(sent > arrived || count === DATA.length);
    });
  }

  it('goes on after a part was cut in its middle', async () => {
    bench.engine.server.cutRequest({ method: 'PUT', path: /^\/images/ }, MIB);
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.deepEqual(content(registered.id), CONTENT);
    assert.deepEqual(failures, []);
    assert.equal(bench.engine.imageio?.written, DATA.length * PART);
  });

  it('sends a part again of which the host has written only the beginning', async () => {
    await uploadParts(4);
    const [disk] = bench.engine.imageio?.disks.values() ?? [];
    disk?.content.fill(0, 4 * PART + 1000, 5 * PART);
    const { registered } = await pushUntilDone(bench, image);
    assert.deepEqual(content(registered.id), CONTENT);
  });

  it('sends everything again when the checksum shows that the far end has other bytes', async () => {
    await uploadParts(DATA.length);
    const [disk] = bench.engine.imageio?.disks.values() ?? [];
    disk?.content.fill('x', 100, 200);
    const { registered } = await pushUntilDone(bench, image);
    assert.deepEqual(content(registered.id), CONTENT);
  });

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
    // Neighbours are one call.
    assert.equal(bench.engine.server.log.count({ method: 'PATCH' }), 2 + 1);
  });

  it('never continues the upload of another file', async () => {
    await uploadParts(3);
    const other = createDisk({ blocks: 9, blockSize: PART, data: [8] });
    const changed = await createPushedImage(bench.folder, other, { uuid: image.uuid });
    const { registered } = await pushUntilDone(bench, changed);
    assert.deepEqual(content(registered.id), other);
    // What the first file has left is found by the image's UUID.
    const provider = await bench.connect();
    const removed = await provider.removeStaging(createOperation(), image.uuid);
    assert.equal(removed.length, 1);
    assert.deepEqual([...bench.engine.state.disks.keys()], [registered.id]);
  });

  it('resumes a transfer that the engine has paused', async () => {
    await uploadParts(3);
    for (const transfer of bench.engine.state.transfers.values()) transfer.phase = 'paused_system';
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.deepEqual(failures, []);
    assert.deepEqual(content(registered.id), CONTENT);
    assert.equal(bench.engine.server.log.count({ method: 'POST', path: /imagetransfers$/ }), 1);
  });

  it('begins again when the host does not know the ticket any more', async () => {
    await uploadParts(3);
    bench.engine.imageio?.tickets.clear();
    const { registered, failures } = await pushUntilDone(bench, image);
    assert.match(failures.map(({ message }) => message).join(), /lost the upload/);
    assert.deepEqual(content(registered.id), CONTENT);
  });

  it('fails when the far end has other bytes after a whole upload', async () => {
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

  it('says that nothing was compared when the host cannot compute a checksum', async () => {
    if (bench.engine.imageio !== undefined) bench.engine.imageio.features = ['extents', 'zero', 'flush'];
    const { registered } = await pushUntilDone(bench, image);
    assert.match(registered.verifiedBy, /^not verified/);
  });

  it('holds the rate that the user allows', async () => {
    const pauses: number[] = [];
    const operation = createOperation({ uploadRate: PART / 10 });
    const { sleep } = operation;
    operation.sleep = async (milliseconds) => {
      pauses.push(milliseconds);
      await sleep(milliseconds);
    };
    await (await bench.connect()).upload(operation, image);
    // Nobody really sleeps in this test, so the last part must wait for nearly the whole time: 10 s for each part.
    assert.ok(Math.max(...pauses) > 20_000, `${Math.max(...pauses)}`);
  });
});
