import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FactoryError, type ErrorType } from '../../../../src/domain/errors.js';
import { createOperation } from '../../../support/providers/operation.js';
import type { FakeAzure } from '../../../fakes/providers/azure/azure-server.js';
import { connect, makeFolder, makeImage, push, startAzure } from './pushes.js';

const folder = makeFolder();

/** Checks an error by its type and its words. */
function isError(type: ErrorType, words: RegExp, hint = /./) {
  return (error: unknown): true => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, words);
    assert.match(error.hint ?? '-', hint);
    return true;
  };
}

function findVersion({ manager }: FakeAzure) {
  const [version] = manager.find(/\/versions\//);
  assert.ok(version !== undefined);
  return version;
}

describe('an image in Azure', () => {
  it('is an image version with our tags, made from the blob, in all its regions', async () => {
    const azure = await startAzure();
    const gallery = {
      name: 'shared',
      definition: 'debian',
      version: '1.2',
      target_regions: ['northeurope', 'West Europe'],
    };
    azure.manager.add(`${azure.gallery}/images/debian`, {
      properties: { osType: 'Linux', osState: 'Generalized', hyperVGeneration: 'V1', architecture: 'x64' },
    });
    const provider = await connect(azure, { gallery });
    const image = await makeImage(folder);
    const operation = createOperation();
    const registered = await push(provider, operation, image);
    assert.match(registered.id, /\/galleries\/shared\/images\/debian\/versions\/1\.2\.\d+$/);
    const { content, tags, properties } = findVersion(azure);
    assert.ok(content?.equals(readFileSync(image.file.path)));
    assert.deepEqual(tags, {
      imagefactory_tool: 'imagefactory-nova',
      imagefactory_image: image.uuid,
      imagefactory_source: image.file.sha512.slice(0, 32),
      imagefactory_creator: 'test:1',
    });
    assert.deepEqual(properties['publishingProfile'], {
      targetRegions: ['westeurope', 'northeurope'].map((name) => ({ name, regionalReplicaCount: 1 })),
    });
    assert.ok(operation.progress.some(({ message }) => /Creating \(West Europe 40%\)/.test(message ?? '')));
    assert.ok(azure.blobs.writes.every(({ hasChecksum }) => hasChecksum));
  });

  it('has a definition for its firmware, architecture and secure boot, made when it is missing', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const os = { name: 'Debian', version: '12', arch: 'aarch64' };
    await push(provider, createOperation(), await makeImage(folder, { os, firmware: 'uefi', secureBoot: true }));
    const [definition] = azure.manager.find(/\/images\/debian-12-test$/);
    assert.deepEqual(definition?.properties, {
      provisioningState: 'Succeeded',
      osType: 'Linux',
      osState: 'Generalized',
      hyperVGeneration: 'V2',
      architecture: 'Arm64',
      identifier: { publisher: 'example', offer: 'Debian', sku: 'debian-12-test' },
      features: [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }],
    });
    assert.deepEqual(definition.tags, { imagefactory_tool: 'imagefactory-nova', imagefactory_creator: 'test:1' });
  });

  it('needs its definition where the configuration does not allow to make one', async () => {
    const azure = await startAzure();
    const provider = await connect(azure, { gallery: { name: 'shared' } });
    const pushed = push(provider, createOperation(), await makeImage(folder));
    await assert.rejects(pushed, isError('NotFound', /no image definition debian-12-test/, /create_definition/));
  });

  it('does not go into a definition of another generation', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    await push(provider, createOperation(), await makeImage(folder));
    const pushed = push(provider, createOperation(), await makeImage(folder, { firmware: 'uefi' }));
    await assert.rejects(pushed, isError('Conflict', /hyperVGeneration is V1, and the image needs V2/));
  });

  it('is a managed image where there is no gallery', async () => {
    const azure = await startAzure();
    const provider = await connect(azure, { gallery: undefined });
    const image = await makeImage(folder, {
      firmware: 'uefi',
      os: { name: 'Windows', version: '2025', arch: 'x86_64' },
    });
    const registered = await push(provider, createOperation(), image);
    const [made] = azure.manager.find(/Microsoft\.Compute\/images/);
    assert.equal(made?.id, registered.id);
    assert.match(registered.id, new RegExp(`/images/debian-12-test-${image.uuid.slice(0, 8)}$`));
    assert.ok(made.content?.equals(readFileSync(image.file.path)));
    assert.match(JSON.stringify(made.properties), /"hyperVGeneration":"V2".*"osType":"Windows"/);
    assert.equal((await provider.find(createOperation(), image))?.id, registered.id);
    assert.deepEqual(await provider.delete(createOperation(), registered), [
      `managed image ${made.id.split('/').at(-1)}`,
    ]);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
  });

  it('is found among many, and only when it is of this image and these bytes', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const images = [];
    for (let count = 0; count < 5; count++) images.push(await makeImage(folder, { blocks: 8, data: [count] }));
    const pushed = [];
    for (const image of images) pushed.push((await push(provider, createOperation(), image)).id);
    const found = [];
    for (const image of images) found.push((await provider.find(createOperation(), image))?.id);
    assert.deepEqual(found, pushed);
    assert.equal(new Set(pushed).size, 5);
    const other = await makeImage(folder, { blocks: 8, data: [7], uuid: images[0]?.uuid ?? '' });
    assert.equal(await provider.find(createOperation(), other), undefined);
  });

  it('is shared once with each of the principals, also when a reply is lost', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const registered = await push(provider, createOperation(), await makeImage(folder));
    const principals = ['00000000-1111-2222-3333-444444444444', 'dddddddd-0000-4000-8000-000000000004'];
    azure.server.fail({ kind: 'reset-after', match: { method: 'PUT' } });
    await provider.share?.(createOperation(), registered, principals);
    await provider.share?.(createOperation(), registered, principals);
    assert.deepEqual(
      azure.manager.assignments.map((assignment) => assignment.split(' ').slice(0, 2)),
      principals.map((principal) => [registered.id, principal]),
    );
    await assert.rejects(
      async () => provider.share?.(createOperation(), registered, ['somebody@example.org']),
      isError('InvalidParameter', /somebody@example.org is none/, /az ad sp show/),
    );
  });

  it('keeps its blob where the configuration says so, until it is deleted', async () => {
    const azure = await startAzure();
    const provider = await connect(azure, { keep_blob: true });
    const image = await makeImage(folder);
    const registered = await push(provider, createOperation(), image);
    assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
    assert.deepEqual(await provider.listStaging(createOperation()), []);
    assert.deepEqual(await provider.find(createOperation(), image), {
      ...registered,
      verifiedBy: 'Azure tells no digest of an image; its tag imagefactory_source names the file',
    });
    assert.equal((await provider.delete(createOperation(), registered)).length, 2);
    assert.equal(azure.blobs.blobs.size, 0);
  });
});

describe('an image that Azure does not make', () => {
  for (const state of ['Failed', 'Canceled'] as const) {
    it(`ends as ${state} with Azure’s reason, and is made again by the next attempt`, async () => {
      const azure = await startAzure();
      const provider = await connect(azure);
      const image = await makeImage(folder);
      azure.manager.outcome = { state, code: 'Conflict', message: 'The disk has no boot loader.' };
      await assert.rejects(
        push(provider, createOperation(), image),
        isError('ImageFailed', new RegExp(`ended as ${state}: Conflict: The disk has no boot loader`), /resume/),
      );
      azure.manager.outcome = { state: 'Succeeded' };
      const registered = await push(provider, createOperation(), image);
      assert.equal(findVersion(azure).id, registered.id);
      assert.equal(azure.manager.made, 2);
      assert.equal(azure.manager.find(/\/versions\//).length, 1);
    });
  }

  it('may be tried again when Azure’s reason is its own', async () => {
    const azure = await startAzure();
    azure.manager.outcome = { state: 'Failed', code: 'InternalOperationError' };
    const pushed = push(await connect(azure), createOperation(), await makeImage(folder));
    await assert.rejects(pushed, (error) => error instanceof FactoryError && error.retryable);
  });

  for (const code of ['AnotherOperationInProgress', 'RetryableError', 'OperationPreempted']) {
    it(`is asked for again after ${code}, and its blob while Azure has a lease on it`, async () => {
      const azure = await startAzure();
      const provider = await connect(azure);
      const image = await makeImage(folder);
      azure.manager.refusal = code;
      await push(provider, createOperation(), image);
      assert.equal(azure.manager.made, 1);
      azure.blobs.refusal = 'LeaseIdMissing';
      assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 1);
    });
  }

  it('names the region to which it could not be copied', async () => {
    const azure = await startAzure();
    azure.manager.outcome = { state: 'Succeeded', replication: 'Failed' };
    const pushed = push(await connect(azure), createOperation(), await makeImage(folder));
    await assert.rejects(pushed, isError('ImageFailed', /ended as Failed: West Europe: a detail/));
  });

  it('says that it was deleted while Azure was making it', async () => {
    const azure = await startAzure();
    azure.server.fail({
      kind: 'chosen',
      match: { method: 'GET', path: /\/versions\/.*ReplicationStatus/ },
      after: 1,
      choose: async () => {
        for (const { id } of azure.manager.find(/\/versions\//)) azure.manager.resources.delete(id.toLowerCase());
        return undefined;
      },
    });
    const pushed = push(await connect(azure), createOperation(), await makeImage(folder));
    await assert.rejects(pushed, isError('ImageFailed', /was deleted while Azure was making it/, /-/));
  });

  it('is removed also from a resource group whose name is not ASCII', async () => {
    const azure = await startAzure();
    const group = azure.group.replace(/[^/]+$/, 'größe-東京');
    azure.manager.add(`${group}/providers/Microsoft.Compute/galleries/shared`);
    const storage = { account: 'imagestore', container: 'images', resource_group: 'images' };
    const provider = await connect(azure, { resource_group: 'größe-東京', storage });
    const image = await makeImage(folder);
    azure.manager.outcome = { state: 'Failed' };
    await assert.rejects(push(provider, createOperation(), image), { type: 'ImageFailed' });
    azure.manager.outcome = { state: 'Succeeded' };
    assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 2);
  });

  it('is removed with its blob when the push is given up', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    azure.manager.outcome = { state: 'Failed' };
    await assert.rejects(push(provider, createOperation(), image));
    azure.manager.outcome = { state: 'Succeeded' };
    const [version, blob] = await provider.removeStaging(createOperation(), image.uuid);
    assert.match(version ?? '', /^version \S+ of image debian-12-test in gallery shared$/);
    assert.match(blob ?? '', /^blob imagefactory/);
    assert.equal(azure.manager.find(/\/versions\//).length, 0);
    assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
  });

  it('leaves nothing when the push is given up in the middle of it', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    const stop = new AbortController();
    const operation = createOperation({
      signal: stop.signal,
      onReport: ({ message = '' }) => {
        if (/Azure makes version/.test(message)) stop.abort(new Error('stopped'));
      },
    });
    await assert.rejects(push(provider, operation, image), /stopped/);
    assert.equal(findVersion(azure).properties.provisioningState, 'Creating');
    // Azure refuses to delete what it is making: the image goes when that has ended.
    await provider.removeStaging(createOperation(), image.uuid, { everything: true });
    assert.equal(azure.manager.find(/\/versions\//).length, 0);
    assert.equal(azure.blobs.blobs.size, 0);
  });

  it('stays when it became ready while only its staging was to be removed', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    await push(provider, createOperation(), image);
    await provider.upload(createOperation(), image);
    const { properties } = findVersion(azure);
    properties.provisioningState = 'Creating';
    findVersion(azure).polls = 3;
    const removed = await provider.removeStaging(createOperation(), image.uuid);
    assert.equal(azure.server.log.count({ method: 'DELETE', path: /\/versions\// }), 1);
    assert.deepEqual([removed.length, findVersion(azure).properties.provisioningState], [1, 'Succeeded']);
  });

  for (const [provisioningState, replication] of [
    ['Succeeded', 'InProgress'],
    ['Succeeded', 'Failed'],
    ['Updating', 'InProgress'],
    ['Failed', 'Completed'],
  ] as const) {
    it(`stays when it is ${provisioningState} with copies ${replication} after somebody has added a region`, async () => {
      const azure = await startAzure();
      for (const keep_blob of [true, false]) {
        const provider = await connect(azure, { keep_blob });
        const image = await makeImage(folder);
        await push(provider, createOperation(), image);
        azure.manager.find(new RegExp('/versions/')).forEach((version) => {
          version.properties.provisioningState = provisioningState;
          version.properties['replicationStatus'] = { aggregatedState: replication, summary: [] };
        });
        await provider.removeStaging(createOperation(), image.uuid);
        assert.equal(azure.server.log.count({ method: 'DELETE', path: /\/versions\// }), 0);
        assert.equal(
          [...azure.blobs.blobs.keys()].filter((name) => name.includes(image.uuid)).length,
          keep_blob ? 1 : 0,
        );
        azure.manager.find(/\/versions\//).forEach(({ id }) => azure.manager.resources.delete(id.toLowerCase()));
      }
    });
  }

  it('is removed when it could not be copied and the push is given up', async () => {
    const azure = await startAzure();
    azure.manager.outcome = { state: 'Succeeded', replication: 'Failed' };
    const provider = await connect(azure);
    const image = await makeImage(folder);
    await assert.rejects(push(provider, createOperation(), image));
    assert.equal((await provider.removeStaging(createOperation(), image.uuid, { everything: true })).length, 2);
    assert.equal(azure.manager.find(/\/versions\//).length, 0);
  });

  it('takes the next number when another image has its own', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    azure.blobs.now = () => new Date('2026-11-30T08:29:53Z');
    const numbers = [];
    for (let count = 0; count < 3; count++) {
      const { id } = await push(provider, createOperation(), await makeImage(folder));
      numbers.push(id.split('.').at(-1));
    }
    assert.deepEqual(numbers, ['82953', '82954', '82955']);
  });

  it('takes the next number when another push was faster', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const image = await makeImage(folder);
    azure.server.fail({
      kind: 'chosen',
      match: { method: 'PUT', path: /\/versions\// },
      choose: async ({ path }) => {
        azure.manager.add(path.split('?')[0] ?? '', { tags: { owner: 'somebody' } });
        return undefined;
      },
    });
    const { id } = await push(provider, createOperation(), image);
    const [other, own] = azure.manager.find(/\/versions\//);
    assert.equal(other?.tags['owner'], 'somebody');
    assert.equal(own?.id, id);
  });

  it('does not take the place of somebody else’s', async () => {
    const azure = await startAzure();
    const provider = await connect(azure, { gallery: undefined });
    const image = await makeImage(folder);
    const uploaded = await provider.upload(createOperation(), image);
    const other = azure.manager.add(uploaded.ids['image'] ?? '', { tags: { owner: 'somebody' } });
    await assert.rejects(
      provider.register(createOperation(), image, uploaded),
      isError('Conflict', /is there already, and was not made from this image/),
    );
    assert.equal(await provider.find(createOperation(), image), undefined);
    const registered = { id: other.id, location: '', resources: [], verifiedBy: '' };
    await assert.rejects(provider.delete(createOperation(), registered), isError('Conflict', /is not deleted/));
    await provider.removeStaging(createOperation(), image.uuid);
    assert.equal(azure.manager.find(/Compute\/images\//).length, 1);
  });

  it('is not deleted when Azure cannot', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const registered = await push(provider, createOperation(), await makeImage(folder));
    azure.manager.outcome = { state: 'Failed', code: 'Conflict', message: 'It is in use.' };
    await assert.rejects(
      provider.delete(createOperation(), registered),
      isError('Conflict', /did not delete version .* \(Failed\): It is in use/, /-/),
    );
  });
});

describe('what unfinished pushes to Azure have left', () => {
  it('is listed by our marks, page by page, and nothing else is', async () => {
    const azure = await startAzure();
    const provider = await connect(azure);
    const images = [];
    for (let count = 0; count < 3; count++) images.push(await makeImage(folder));
    for (const image of images) await provider.upload(createOperation(), image);
    const strange = { content: Buffer.alloc(512), written: new Uint8Array(1), createdAt: new Date() };
    azure.blobs.blobs.set('imagefactory/x/y.vhd', { ...strange, type: 'PageBlob', metadata: { owner: 'somebody' } });
    azure.blobs.blobs.set('other.vhd', { ...strange, type: 'BlockBlob', metadata: {} });
    const staged = await provider.listStaging(createOperation());
    assert.deepEqual(new Set(staged.map(({ uuid }) => uuid)), new Set(images.map(({ uuid }) => uuid)));
    assert.ok(staged.every(({ kind, size, createdAt }) => kind === 'blob' && size !== undefined && createdAt));
    for (const { uuid } of staged) await provider.removeStaging(createOperation(), uuid);
    assert.deepEqual([...azure.blobs.blobs.keys()], ['imagefactory/x/y.vhd', 'other.vhd']);
  });
});
