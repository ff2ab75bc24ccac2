import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { createOperation } from '../../../support/providers/operation.js';
import type { FakeAzure } from '../../../fakes/providers/azure/azure-server.js';
import { connect, makeFolder, makeImage, MIB, push, startAzure } from './pushes.js';

const folder = makeFolder();
/** Bytes of a write. */
const PART = 4 * MIB;
/** Writes that an upload makes at the same time. */
const CONNECTIONS = 6;

/** Returns the bytes that were written more than once. */
function countRepeated({ blobs }: FakeAzure): number {
  const starts = new Set(blobs.writes.map(({ start }) => start));
  const unique = [...starts].map((start) => blobs.writes.find((write) => write.start === start)?.length ?? 0);
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
  return sum(blobs.writes.map(({ length }) => length)) - sum(unique);
}

function requireImage(azure: FakeAzure, path: string): void {
  const versions = azure.manager.find(/\/versions\//);
  assert.equal(versions.length, 1);
  assert.ok(versions[0]?.content?.equals(readFileSync(path)));
}

describe('an upload to Azure', () => {
  for (const [title, index] of [
    ['first', 0],
    ['middle', 2],
    ['last', 4],
  ] as const) {
    it(`goes on after its process died in the ${title} part`, async () => {
      const azure = await startAzure();
      const image = await makeImage(folder, { blocks: 16, data: [1, 5, 8, 13] });
      const dead = new AbortController();
      let writes = 0;
      // A process that dies sends nothing more, and hears no reply.
      const remove = azure.server.fail({
        kind: 'chosen',
        match: { method: 'PUT', path: /comp=page\b/ },
        times: Infinity,
        choose: async () => {
          if (writes++ < index) return undefined;
          dead.abort(new Error('killed'));
          return { kind: 'reset-after' };
        },
      });
      const first = await connect(azure);
      await assert.rejects(push(first, createOperation({ signal: dead.signal }), image), /killed/);
      remove();
      await push(await connect(azure), createOperation(), image);
      requireImage(azure, image.file.path);
      assert.ok(countRepeated(azure) <= PART * CONNECTIONS);
      assert.equal(azure.blobs.blobs.size, 1);
    });
  }

  it('sends a part again when the connection breaks in its middle', async () => {
    const azure = await startAzure();
    const image = await makeImage(folder, { blocks: 9, data: [1, 5] });
    azure.server.cutRequest({ method: 'PUT', path: /\/images\/imagefactory/ }, MIB);
    await push(await connect(azure), createOperation(), image);
    requireImage(azure, image.file.path);
    assert.equal(countRepeated(azure), 0);
  });

  it('sends only blocks with data, and nothing that is there already', async () => {
    const azure = await startAzure();
    const image = await makeImage(folder, { blocks: 20, data: [0, 9] });
    const provider = await connect(azure);
    const uploaded = await provider.upload(createOperation(), image);
    // Blocks 0 and 2 of 4 MiB, and the footer.
    assert.equal(uploaded.sent, 2 * PART + 512);
    assert.match(uploaded.verifiedBy, /MD5/);
    assert.equal((await provider.upload(createOperation(), image)).sent, 0);
    assert.equal(azure.blobs.writes.length, 3);
  });

  it('gives the same version to every attempt, and a higher one to a later push', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    azure.blobs.now = () => new Date('2026-11-30T08:29:53Z');
    const first = await provider.upload(createOperation(), await makeImage(folder));
    assert.match(first.ids['image'] ?? '', /\/2026\.1130\.82953$/);
    azure.blobs.now = () => new Date('2026-12-01T00:00:00Z');
    const second = await provider.upload(createOperation(), await makeImage(folder, { data: [0] }));
    assert.match(second.ids['image'] ?? '', /\/2026\.1201\.0$/);
  });

  it('does not continue an upload of other bytes', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder, { blocks: 3, data: [1] });
    await provider.upload(createOperation(), image);
    const other = await makeImage(folder, { blocks: 3, data: [2], uuid: image.uuid });
    await push(provider, createOperation(), other);
    requireImage(azure, other.file.path);
    await provider.removeStaging(createOperation(), image.uuid);
    assert.equal(azure.blobs.blobs.size, 0);
  });

  it('refuses a blob that somebody else has put under its name', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    const uploaded = await provider.upload(createOperation(), image);
    const blob = azure.blobs.blobs.get(uploaded.ids['blob'] ?? '');
    assert.ok(blob !== undefined);
    blob.metadata = { owner: 'somebody' };
    await assert.rejects(
      provider.upload(createOperation(), image),
      (error) =>
        error instanceof FactoryError && error.type === 'Conflict' && /is not an upload of this/.test(error.message),
    );
    assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
    assert.equal(azure.blobs.blobs.size, 1);
  });

  it('notices bytes that somebody else has written', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder, { blocks: 9, data: [5] });
    const uploaded = await provider.upload(createOperation(), image);
    azure.blobs.blobs.get(uploaded.ids['blob'] ?? '')?.written.fill(1);
    await assert.rejects(provider.upload(createOperation(), image), /has bytes where the file has zeros, at offset 0/);
  });

  it('holds the rate, and shows the progress', async () => {
    const azure = await startAzure();
    const waits: number[] = [];
    const operation = createOperation({ uploadRate: 1024 });
    const sleep = operation.sleep;
    operation.sleep = (milliseconds) => {
      waits.push(milliseconds);
      return sleep(milliseconds);
    };
    await (await connect(azure)).upload(operation, await makeImage(folder, { blocks: 9, data: [0, 5] }));
    assert.ok(Math.max(...waits) > 3_000_000);
    assert.equal(operation.progress.at(-1)?.percent, 100);
  });

  it('stops at once when the operation must stop', async () => {
    const azure = await startAzure();
    azure.server.fail({ kind: 'hang', match: { method: 'PUT', path: /comp=page\b/ }, times: Infinity });
    const stop = new AbortController();
    const image = await makeImage(folder);
    const operation = createOperation({ signal: stop.signal });
    const upload = (await connect(azure)).upload(operation, image);
    const timer = setInterval(() => {
      if (azure.server.log.count({ path: /comp=page\b/ }) > 0) stop.abort(new Error('stopped'));
    }, 1);
    await assert.rejects(upload, /stopped/);
    clearInterval(timer);
    assert.equal(azure.blobs.blobs.size, 1);
  });
});
