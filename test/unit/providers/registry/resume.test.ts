import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { RegistryTraits } from '../../../fakes/providers/registry/fake-registry.js';
import { createOperation } from '../../../support/providers/operation.js';
import { PART, push, RegistrySetup } from './setup.js';

describe('an upload to a registry that was interrupted', () => {
  let setup: RegistrySetup;
  const start = async (traits?: RegistryTraits): Promise<RegistrySetup> => (setup = await RegistrySetup.create(traits));
  afterEach(() => setup.close());

  for (const [where, reports] of [
    ['first', 1],
    ['middle', 3],
    ['last', 7],
  ] as const) {
    it(`goes on from the byte that the registry has, in the ${where} part, on another worker`, async () => {
      await start();
      const image = await setup.createDisk();
      const stop = new AbortController();
      let seen = 0;
      const first = createOperation({
        signal: stop.signal,
        onReport: () => ++seen === reports && stop.abort(new Error('the worker has died')),
      });
      await assert.rejects((await setup.connect()).upload(first, image), /the worker has died/);
      const second = createOperation({ notes: first.notes.texts });
      await push(await setup.connect(), image, second);
      const content = setup.repository.blobs.get(`sha256:${image.file.sha256}`);
      assert.equal(content?.length, 3500);
      const others = image.documents.record.length + (image.documents.icicle?.length ?? 0) + '{}'.length;
      assert.ok(setup.registry.received <= 3500 + PART + others, `${setup.registry.received} bytes`);
      assert.equal(setup.registry.uploads.size, 0);
    });
  }

  it('sends no byte twice that the registry has kept of a part that was cut', async () => {
    await start();
    const image = await setup.createDisk({}, 900);
    setup.registry.cutPart(500);
    const { sent } = await push(await setup.connect(), image);
    const others = image.documents.record.length + (image.documents.icicle?.length ?? 0) + '{}'.length;
    assert.equal(setup.registry.received, 900 + others);
    assert.ok(sent >= setup.registry.received);
  });

  it('begins again without notes', async () => {
    await start();
    const image = await setup.createDisk();
    const stop = new AbortController();
    let seen = 0;
    const first = createOperation({
      signal: stop.signal,
      onReport: () => ++seen === 3 && stop.abort(new Error('dead')),
    });
    const provider = await setup.connect();
    await assert.rejects(provider.upload(first, image), /dead/);
    const { registered } = await push(provider, image);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
    // What nobody knows any more stays until the registry removes it, or the notes are found again.
    assert.equal(setup.registry.uploads.size, 1);
    const removed = await provider.removeStaging(createOperation({ notes: first.notes.texts }), image.uuid);
    assert.match(removed[0] ?? '', /^upload of sha256:/);
    assert.equal(setup.registry.uploads.size, 0);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
  });

  it('begins again with notes of an upload that the registry has not any more, or that are damaged', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const location = `${setup.registry.url}/v2/team/images/debian-12-test/blobs/uploads/00000000-0000-4000-8000-000000000000`;
    const notes = {
      host: setup.registry.host,
      repository: 'team/images/debian-12-test',
      creator: 'other:1',
      uploads: { [`sha256:${image.file.sha256}`]: location },
      manifests: [],
    };
    await push(provider, image, createOperation({ notes: new Map([['registry', JSON.stringify(notes)]]) }));
    assert.equal(setup.manifest(image.uuid).annotations['imagefactory_creator'], 'other:1');
    await push(provider, await setup.createDisk(), createOperation({ notes: new Map([['registry', '{']]) }));
    assert.equal(setup.repository.tags.size, 2);
  });

  for (const parts of ['forgets', 'whole only', 'first only'] as const) {
    it(`arrives whole at a registry of the kind: ${parts}`, async () => {
      await start({ parts });
      const provider = await setup.connect();
      const image = await setup.createDisk();
      setup.registry.cutPart(10);
      const { registered } = await push(provider, image);
      assert.deepEqual(await provider.find(createOperation(), image), registered);
      assert.equal(setup.registry.uploads.size, 0);
    });
  }

  it('sends nothing again when the reply to the last call is lost, also after an interruption', async () => {
    await start();
    const image = await setup.createDisk();
    const stop = new AbortController();
    let seen = 0;
    const first = createOperation({
      signal: stop.signal,
      onReport: () => ++seen === 3 && stop.abort(new Error('dead')),
    });
    await assert.rejects((await setup.connect()).upload(first, image), /dead/);
    const [id] = setup.registry.uploads.keys();
    assert.match(first.notes.texts.get('registry') ?? '', new RegExp(`${image.file.sha256}.*${id}`));
    setup.registry.server.fail({ kind: 'reset-after', match: { method: 'PUT', path: new RegExp(`uploads/${id}`) } });
    const before = setup.registry.server.log.list({ method: 'POST' }).length;
    const provider = await setup.connect();
    await provider.upload(createOperation({ notes: first.notes.texts }), image);
    assert.equal(setup.repository.blobs.get(`sha256:${image.file.sha256}`)?.length, 3500);
    const others = image.documents.record.length + (image.documents.icicle?.length ?? 0) + '{}'.length;
    assert.ok(setup.registry.received <= 3500 + PART + others, `${setup.registry.received} bytes`);
    // One upload for each other blob, none for this one.
    assert.ok(setup.registry.server.log.list({ method: 'POST' }).length - before <= 3);
  });

  for (const parts of ['any', 'forgets'] as const) {
    it(`begins again in parts after a lost connection (${parts})`, async () => {
      await start({ parts });
      const image = await setup.createDisk();
      setup.registry.cutPart(10);
      const after = { method: 'PATCH', path: /uploads/ };
      // Refuses to go on, as distribution 2 does with what it has lost of the part.
      if (parts === 'any') setup.registry.server.fail({ kind: 'status', status: 416, match: after, after: 1 });
      await push(await setup.connect(), image);
      const patches = setup.registry.server.log.list(after);
      // The one that was cut, the one that was refused, four parts, and three other blobs.
      assert.ok(patches.length >= (parts === 'any' ? 9 : 8), `${patches.length} parts`);
    });
  }

  it('uses no notes of another registry, nor an address without https', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const noted = (host: string, location: string): Map<string, string> => {
      const uploads = { [`sha256:${image.file.sha256}`]: location };
      const repository = 'team/images/debian-12-test';
      return new Map([['registry', JSON.stringify({ host, repository, creator: 'other:1', uploads, manifests: [] })]]);
    };
    const other = noted('registry.example.org', `${setup.registry.url}/v2/team/images/debian-12-test/blobs/uploads/1`);
    assert.deepEqual(await provider.removeStaging(createOperation({ notes: other }), image.uuid), []);
    await push(provider, image, createOperation({ notes: other }));
    assert.equal(setup.manifest(image.uuid).annotations['imagefactory_creator'], 'test:1');
    assert.equal(setup.registry.server.log.list({ path: /uploads\/1$/ }).length, 0);
    setup.repository.blobs.clear();
    await push(
      provider,
      { ...image, uuid: '11111111-2222-4333-8444-555555555555' },
      createOperation({ notes: noted(setup.registry.host, 'http://registry.example.org/upload') }),
    );
  });

  for (const status of [401, 403]) {
    it(`begins again when the noted upload is answered with ${status}`, async () => {
      await start();
      const provider = await setup.connect();
      const image = await setup.createDisk();
      const stop = new AbortController();
      let seen = 0;
      const first = createOperation({
        signal: stop.signal,
        onReport: () => ++seen === 3 && stop.abort(new Error('dead')),
      });
      await assert.rejects(provider.upload(first, image), /dead/);
      setup.registry.server.fail({ kind: 'status', status, match: { method: 'GET', path: /uploads/ } });
      const { registered } = await push(provider, image, createOperation({ notes: first.notes.texts }));
      assert.deepEqual(await provider.find(createOperation(), image), registered);
    });
  }

  it('sends parts as large as the registry asks for', async () => {
    await start({ leastPart: 2000 });
    const image = await setup.createDisk({}, 4000);
    await push(await setup.connect(), image);
    const id = setup.registry.server.log.list({ method: 'PATCH' })[0]?.path.split('?')[0] ?? '';
    const parts = setup.registry.server.log.list({ method: 'PATCH' }).filter(({ path }) => path.startsWith(id));
    assert.equal(parts.length, 2);
  });

  it('leaves nothing of a push that was stopped before its tag', async () => {
    for (const referrers of [true, false]) {
      await start({ referrers });
      const provider = await setup.connect();
      const image = await setup.createDisk();
      const operation = createOperation();
      const uploaded = await provider.upload(operation, image);
      const tag = { method: 'PUT', path: new RegExp(`/manifests/${image.uuid}`) };
      setup.registry.server.fail({ kind: 'status', status: 403, match: tag });
      await assert.rejects(provider.register(operation, image, uploaded), { type: 'Forbidden' });
      assert.ok(setup.repository.manifests.size >= 3);
      const removed = await provider.removeStaging(operation, image.uuid);
      assert.equal(removed.length, 3);
      assert.equal(setup.repository.manifests.size, 0);
      assert.deepEqual(await provider.removeStaging(operation, image.uuid), []);
      if (referrers) await setup.close();
    }
  });

  it('removes nothing of an image that has its tag', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const operation = createOperation();
    await push(provider, image, operation);
    assert.deepEqual(await provider.removeStaging(operation, image.uuid), []);
    assert.notEqual(await provider.find(operation, image), undefined);
    assert.deepEqual(await provider.listStaging(operation), []);
  });

  it('says so when the registry computes another digest each time', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    image.file.sha256 = image.file.sha256.replace(/./g, '0');
    await assert.rejects(push(provider, image), { type: 'ImageFailed', message: /computes another digest/ });
    assert.equal(setup.registry.uploads.size, 0);
  });

  it('holds the rate, and shows how far it is', async () => {
    await start();
    const image = await setup.createDisk();
    const pauses: number[] = [];
    const operation = createOperation({ uploadRate: 1 });
    operation.sleep = async (milliseconds) => void pauses.push(milliseconds);
    await push(await setup.connect(), image, operation);
    // After 1000 bytes at a byte a second, the second part waits for nearly 1000 seconds.
    assert.ok((pauses[0] ?? 0) > 900_000 && (pauses[0] ?? 0) <= 1_000_000, String(pauses[0]));
    const shown = operation.progress.flatMap(({ percent }) => percent ?? []);
    assert.deepEqual(
      shown,
      [...shown].sort((a, b) => a - b),
    );
    assert.match(operation.progress[0]?.message ?? '', /^uploading debian-12.raw to 127.0.0.1:\d+\/team\/images/);
  });
});
