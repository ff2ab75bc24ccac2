import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import type { PushedImage } from '../../../../src/providers/types.js';

const MIB = 1024 ** 2;
const PART = 4 * MIB;
/** The parts 2 and 5 are zeros. */
const DATA = [0, 1, 3, 4, 6, 7];
const CONTENT = createDisk({ blocks: 8, blockSize: PART, data: DATA });

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
      const { registered } = await pushUntilDone(bench, image, {}, count === 4 ? notes : undefined);
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

  it('never continues the upload of another file', async () => {
    await uploadParts(3);
    const other = createDisk({ blocks: 3, blockSize: PART, data: [2] });
    const changed = await createPushedImage(bench.folder, other, { uuid: image.uuid });
    const { registered } = await pushUntilDone(bench, changed);
    assert.deepEqual(content(registered.id), other);
    // What the first file has left is found by the image's UUID.
    const provider = await bench.connect();
    const removed = await provider.removeStaging(createOperation(), image.uuid);
    assert.equal(removed.length, 1);
    assert.deepEqual([...bench.engine.state.disks.keys()], [registered.id]);
  });
});
