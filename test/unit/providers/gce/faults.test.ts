import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { RegisteredImage, UploadedFile } from '../../../../src/domain/provider-image.js';
import { PART_GRAIN } from '../../../../src/providers/gce/upload.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { FakeGce } from '../../../fakes/providers/gce/fake-gce.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { connectToFake, createGceArchive, createGceImage } from '../../../support/providers/gce.js';
import { createOperation } from '../../../support/providers/operation.js';

const PARTS = 3;
const ARCHIVE = createGceArchive(PARTS * PART_GRAIN - 1000);
/** Attempts that Temporal would make. */
const ATTEMPTS = 4;

interface Row {
  name: string;
  /** Makes the fault of one call; `kill` stops the attempt. */
  fault: (kill: () => void) => FaultKind;
  /** Whether the next attempt has the notes of the first. */
  notes: boolean;
}

const killed = (kind: 'reset-before' | 'reset-after') => (kill: () => void) => ({
  kind: 'chosen' as const,
  choose: async () => {
    kill();
    return { kind };
  },
});

const ROWS: readonly Row[] = [
  { name: 'no answer', fault: () => ({ kind: 'reset-before' }), notes: true },
  { name: 'a lost reply', fault: () => ({ kind: 'reset-after' }), notes: true },
  { name: 'status 503', fault: () => ({ kind: 'status', status: 503 }), notes: true },
  { name: 'the attempt killed before the call', fault: killed('reset-before'), notes: true },
  { name: 'the attempt killed after the call', fault: killed('reset-after'), notes: true },
  { name: 'the attempt killed after the call, its notes lost', fault: killed('reset-after'), notes: false },
];

describe('a push to Compute Engine, with a fault at each of its calls', { timeout: 60_000 }, () => {
  let folder = '';
  let calls: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gce-faults-'));
    const { fake, provider, image } = await start();
    const operation = createOperation();
    await provider.register(operation, image, await provider.upload(operation, image));
    await provider.removeStaging(operation, image.uuid);
    calls = fake.server.log.list().map(({ method, path }) => `${method} ${path}`);
    await stop(fake, provider);
  });
  after(() => rm(folder, { recursive: true }));

  async function start(): Promise<{ fake: FakeGce; provider: Provider; image: PushedImage }> {
    const fake = new FakeGce();
    await fake.server.listen();
    return { fake, provider: await connectToFake(fake), image: await createGceImage(folder, ARCHIVE) };
  }

  async function stop(fake: FakeGce, provider: Provider): Promise<void> {
    await provider.close();
    fake.server.close();
  }

  async function assertOneImage(row: Row, index: number, call: string): Promise<void> {
    const where = `${row.name} at call ${index}: ${call}`;
    const { fake, provider, image } = await start();
    const { registered, attempts } = await pushUntilDone(fake, provider, image, row, index);
    assert.equal(fake.compute.imports, 1, where);
    assert.deepEqual([...fake.compute.images.keys()], [registered.id], where);
    assert.ok(attempts <= 2, where);
    // Without the notes the second attempt starts anew; else at most one part is sent twice.
    const twice = row.notes ? PART_GRAIN : ARCHIVE.length;
    assert.ok(fake.storage.received <= ARCHIVE.length + twice, `${where}: ${fake.storage.received}`);
    assert.equal(fake.storage.objects.size, 0, where);
    assert.equal(fake.compute.images.get(registered.id)?.status, 'READY', where);
    await stop(fake, provider);
  }

  for (const row of ROWS) {
    it(`makes one image after ${row.name}`, async () => {
      assert.ok(calls.length > 14, calls.join('\n'));
      await Promise.all(calls.map((call, index) => assertOneImage(row, index, call)));
    });
  }
});

async function pushUntilDone(
  fake: FakeGce,
  provider: Provider,
  image: PushedImage,
  row: Row,
  index: number,
): Promise<{ registered: RegisteredImage; attempts: number }> {
  const kept = new Map<string, string>();
  const first = new AbortController();
  let uploaded: UploadedFile | undefined;
  let registered: RegisteredImage | undefined;
  fake.server.fail({ ...row.fault(() => first.abort(new Error('killed'))), match: {}, after: index });
  for (let attempts = 1; ; attempts++) {
    const notes = row.notes ? kept : new Map<string, string>();
    const operation = createOperation({ notes, ...(attempts === 1 ? { signal: first.signal } : {}) });
    try {
      // The steps of the workflow: a step that has ended is not run again.
      uploaded ??= await provider.upload(operation, image);
      registered ??= await provider.register(operation, image, uploaded);
      await provider.removeStaging(operation, image.uuid);
      return { registered, attempts };
    } catch (error) {
      const isKill = error instanceof Error && error.message === 'killed';
      assert.ok(isKill || (error instanceof FactoryError && error.retryable), String(error));
      assert.ok(attempts < ATTEMPTS);
    }
  }
}
