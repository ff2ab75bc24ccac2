import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { FactoryError } from '../../../../src/domain/errors.js';
import { imageName, labelsOf } from '../../../../src/providers/gce/names.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import type { FakeImage } from '../../../fakes/providers/gce/compute.js';
import { FakeGce } from '../../../fakes/providers/gce/fake-gce.js';
import { connectToFake, createGceArchive, createGceImage } from '../../../support/providers/gce.js';
import { createOperation } from '../../../support/providers/operation.js';

const ARCHIVE = createGceArchive(1000);

describe('an image at Compute Engine', { timeout: 60_000 }, () => {
  let folder = '';
  let fake: FakeGce;
  let provider: Provider;
  let image: PushedImage;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gce-register-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    fake = new FakeGce();
    await fake.server.listen();
    provider = await connectToFake(fake, { storage_location: 'europe-west3' });
    image = await createGceImage(folder, ARCHIVE);
  });
  afterEach(async () => {
    await provider.close();
    fake.server.close();
  });

  const operation = createOperation();
  const push = async () => provider.register(operation, image, await provider.upload(operation, image));
  const putOurs = (more: Partial<FakeImage> = {}): FakeImage =>
    fake.compute.put({ name: imageName(image), labels: labelsOf(image, 'other:1'), diskSizeGb: '1', ...more });

  it('is stored where the configuration says', async () => {
    const registered = await push();
    assert.equal(registered.region, 'europe-west3');
    assert.deepEqual(fake.compute.images.get(registered.id)?.storageLocations, ['europe-west3']);
  });

  it('is found only when it is ready and carries our labels', async () => {
    assert.equal(await provider.find(operation, image), undefined);
    const made = putOurs({ status: 'PENDING' });
    assert.equal(await provider.find(operation, image), undefined);
    made.status = 'READY';
    assert.equal((await provider.find(operation, image))?.id, imageName(image));
  });

  it('is refused under the name of somebody else’s image, which stays', async () => {
    fake.compute.put({ name: imageName(image), labels: { owner: 'somebody' } });
    assert.equal(await provider.find(operation, image), undefined);
    await assert.rejects(push(), { type: 'Conflict', retryable: false });
    assert.equal(fake.compute.images.get(imageName(image))?.status, 'READY');
  });

  it('is refused under the name of an image of the same UUID from other bytes', async () => {
    const other = { ...image, file: { ...image.file, sha512: 'f'.repeat(128) } };
    fake.compute.put({ name: imageName(image), labels: labelsOf(other, 'other:1') });
    await assert.rejects(push(), { type: 'Conflict' });
  });

  const ENDS = [
    { code: 'BAD_IMAGE', status: 400, type: 'ImageFailed', retryable: false },
    { code: 'QUOTA_EXCEEDED', status: 403, type: 'QuotaExceeded', retryable: false },
    { code: 'RATE_LIMIT_EXCEEDED', status: 403, type: 'RateLimited', retryable: true },
    { code: 'INTERNAL_ERROR', status: 500, type: 'CloudUnavailable', retryable: true },
    { code: 'PERMISSIONS_ERROR', status: 403, type: 'Forbidden', retryable: false },
  ];
  for (const { code, status, type, retryable } of ENDS) {
    it(`passes on the error ${code} of an import, and the next attempt imports again`, async () => {
      const message = "Required 'compute.images.create' permission";
      fake.compute.importEnds.push({ error: { code, message }, httpErrorStatusCode: status });
      await assert.rejects(push(), (error: FactoryError) => {
        assert.equal(error.type, type);
        assert.equal(error.retryable, retryable);
        assert.match(error.message, new RegExp(`${code}: Required`));
        return true;
      });
      await push();
      assert.equal(fake.compute.images.get(imageName(image))?.status, 'READY');
    });
  }

  it('replaces an image that an earlier import has left as FAILED', async () => {
    fake.compute.importEnds.push({ error: { code: 'X', message: 'y' }, leaves: 'FAILED' });
    await assert.rejects(push(), { type: 'ImageFailed' });
    assert.equal(fake.compute.images.get(imageName(image))?.status, 'FAILED');
    await push();
    assert.equal(fake.compute.images.get(imageName(image))?.status, 'READY');
  });

  it('fails when the image is FAILED and its operation is forgotten', async () => {
    const uploaded = await provider.upload(operation, image);
    fake.compute.importEnds.push({ error: { code: 'X', message: 'y' }, leaves: 'FAILED' });
    const forgetful = createOperation({ onReport: () => fake.compute.forgetOperations() });
    await assert.rejects(provider.register(forgetful, image, uploaded), {
      type: 'ImageFailed',
      message: /is FAILED: Compute Engine could not import/,
    });
  });

  it('fails when somebody removes the image meanwhile', async () => {
    const uploaded = await provider.upload(operation, image);
    putOurs({ status: 'DELETING' });
    await assert.rejects(provider.register(operation, image, uploaded), { type: 'Conflict', message: /is DELETING/ });
    fake.compute.images.clear();
    const watched = createOperation({ onReport: () => fake.compute.images.clear() });
    await assert.rejects(provider.register(watched, image, uploaded), {
      type: 'Conflict',
      message: /not there any more/,
    });
  });

  it('passes on warnings of the import', async () => {
    fake.compute.importEnds.push({ warnings: [{ code: 'DEPRECATED_TYPE_USED', message: 'old' }] });
    assert.match((await push()).verifiedBy, /Compute Engine warned: DEPRECATED_TYPE_USED old/);
  });

  it('fails when the disk has another size than the file', async () => {
    putOurs({ diskSizeGb: '2' });
    await assert.rejects(push(), { type: 'ImageFailed', message: /a disk of 2 GiB instead of 1/ });
  });

  it('is not found when it is not what is pushed, which the check says, and is removed when it is given up', async () => {
    const { name } = putOurs({ diskSizeGb: '2' });
    assert.equal(await provider.find(operation, image), undefined);
    const failed = (await provider.check(operation, image)).filter(({ ok }) => !ok);
    assert.deepEqual(
      failed.map(({ message }) => message),
      [`image ${name} has a disk of 2 GiB instead of 1`],
    );
    assert.deepEqual(await provider.removeStaging(operation, image.uuid), []);
    assert.deepEqual(await provider.removeStaging(operation, image.uuid, { everything: true }), [`image ${name}`]);
  });

  it('refuses an archive that Compute Engine refuses, with its words', async () => {
    image = await createGceImage(folder, Buffer.from('no archive'));
    await assert.rejects(push(), { type: 'ImageFailed', message: /BAD_IMAGE: The tar archive is not a valid image/ });
  });

  it('names the permission that is missing', async () => {
    for (const [permissions, permission] of [
      [fake.storage.permissions, 'storage.objects.create'],
      [fake.compute.permissions, 'compute.images.create'],
      [fake.compute.permissions, 'compute.globalOperations.list'],
    ] as const) {
      permissions.delete(permission);
      await assert.rejects(push(), (error: FactoryError) => {
        assert.equal(error.type, 'Forbidden');
        assert.ok(error.hint?.includes(permission), error.hint);
        return true;
      });
      permissions.add(permission);
    }
  });

  for (const [reason, type, retryable] of [
    ['quotaExceeded', 'QuotaExceeded', false],
    ['rateLimitExceeded', 'RateLimited', true],
  ] as const) {
    it(`knows ${reason} in an answer 403`, async () => {
      const uploaded = await provider.upload(operation, image);
      const message = JSON.stringify({ error: { message: 'no', errors: [{ reason }] } });
      fake.server.fail({ kind: 'status', status: 403, message, match: { method: 'POST' }, times: 5 });
      await assert.rejects(provider.register(operation, image, uploaded), { type, retryable });
      // What passes is tried five times.
      assert.equal(fake.server.log.count({ method: 'POST', path: /global\/images/ }), retryable ? 5 : 1);
    });
  }

  describe('removal', () => {
    it('removes the image once', async () => {
      const registered = await push();
      assert.deepEqual(await provider.delete(operation, registered), [`image ${registered.id}`]);
      assert.equal(fake.compute.images.size, 0);
      assert.deepEqual(await provider.delete(operation, registered), []);
    });

    it('removes the image when a reply is lost', async () => {
      const registered = await push();
      fake.server.fail({ kind: 'reset-after', match: { method: 'DELETE' } });
      assert.deepEqual(await provider.delete(operation, registered), [`image ${registered.id}`]);
      assert.equal(fake.compute.images.size, 0);
    });

    it('leaves an image without our labels, and an image of another project', async () => {
      const registered = await push();
      fake.compute.put({ name: registered.id, labels: {} });
      await assert.rejects(provider.delete(operation, registered), { type: 'Conflict' });
      await assert.rejects(provider.delete(operation, { ...registered, account: 'other' }), /is in project other/);
      assert.equal(fake.compute.images.size, 1);
    });
  });

  describe('what an unfinished push leaves', () => {
    it('is listed over all pages, without what is not ours', async () => {
      await provider.upload(operation, image);
      putOurs({ status: 'FAILED' });
      for (let other = 0; other < 3; other++) {
        fake.storage.put(`imagefactory/x/${other}`, ARCHIVE, { imagefactory_image: 'x' });
        fake.compute.put({ name: `other-${other}`, status: 'FAILED' });
      }
      const listed = await provider.listStaging(operation);
      assert.deepEqual(
        listed.map(({ uuid, kind }) => [uuid, kind]),
        [
          [image.uuid, 'object'],
          [image.uuid, 'image that is FAILED'],
        ],
      );
      assert.equal(listed[0]?.size, ARCHIVE.length);
      assert.ok(listed.every(({ createdAt }) => createdAt !== undefined));
    });

    it('is removed: the upload, the object, the image that never became ready; nothing else', async () => {
      const notes = new Map<string, string>();
      await provider.upload(operation, image);
      const address = `${fake.url}/upload/storage/v1/b/fake-bucket/o?upload_id=open`;
      fake.storage.uploads.set('open', {
        id: 'open',
        bucket: 'fake-bucket',
        resource: { name: 'x' },
        size: 1,
        content: Buffer.alloc(0),
        onlyIfAbsent: true,
      });
      notes.set('gce-upload', JSON.stringify({ source: 'x', crc32c: '', md5Hash: '', address }));
      putOurs({ status: 'FAILED' });
      fake.storage.put(`imagefactory/${image.uuid}/theirs`, ARCHIVE, {});
      const removed = await provider.removeStaging(createOperation({ notes }), image.uuid);
      assert.equal(removed.length, 3, removed.join());
      assert.deepEqual([...fake.storage.objects.keys()], [`imagefactory/${image.uuid}/theirs`]);
      assert.equal(fake.storage.uploads.has('open'), false);
      assert.equal(fake.compute.images.size, 0);
      assert.deepEqual(await provider.removeStaging(createOperation({ notes }), image.uuid), []);
    });

    /** Makes an image whose import still runs. */
    const stopInImport = async (): Promise<void> => {
      const uploaded = await provider.upload(operation, image);
      const stopped = new AbortController();
      const cut = createOperation({ signal: stopped.signal, onReport: () => stopped.abort(new Error('stopped')) });
      await assert.rejects(provider.register(cut, image, uploaded), /stopped/);
      assert.equal(fake.compute.images.get(imageName(image))?.status, 'PENDING');
    };

    it('waits for an import that still runs, and removes its image when it failed', async () => {
      fake.compute.importEnds.push({ error: { code: 'X', message: 'y' }, leaves: 'FAILED' });
      await stopInImport();
      await provider.removeStaging(operation, image.uuid);
      assert.equal(fake.compute.images.size, 0);
      assert.equal(fake.storage.objects.size, 0);
    });

    it('does not include an image that becomes ready meanwhile, unless the image is given up', async () => {
      await stopInImport();
      const removed = await provider.removeStaging(operation, image.uuid);
      assert.equal(fake.compute.images.get(imageName(image))?.status, 'READY');
      assert.equal(removed.length, 1, removed.join());
      assert.deepEqual(await provider.removeStaging(operation, image.uuid, { everything: true }), [
        `image ${imageName(image)}`,
      ]);
      assert.equal(fake.compute.images.size, 0);
    });

    it('waits for an import that still runs, and removes its image when the image is given up', async () => {
      await stopInImport();
      await provider.removeStaging(operation, image.uuid, { everything: true });
      assert.equal(fake.compute.images.size + fake.storage.objects.size, 0);
    });

    it('leaves an image of somebody else, also when the image is given up', async () => {
      fake.compute.put({ name: imageName(image), labels: { imagefactory_image: image.uuid } });
      assert.deepEqual(await provider.removeStaging(operation, image.uuid, { everything: true }), []);
      assert.equal(fake.compute.images.size, 1);
    });

    it('is removed but for an upload that cannot be given up, and that is said', async () => {
      const notes = new Map<string, string>();
      await provider.upload(operation, image);
      putOurs({ status: 'FAILED' });
      const address = `${fake.url}/upload/storage/v1/b/fake-bucket/o?upload_id=open`;
      notes.set('gce-upload', JSON.stringify({ source: 'x', crc32c: '', md5Hash: '', address }));
      fake.server.fail({ kind: 'status', status: 400, match: { method: 'DELETE', path: /^\/upload\// }, times: 9 });
      await assert.rejects(provider.removeStaging(createOperation({ notes }), image.uuid), { type: 'BadRequest' });
      assert.equal(fake.compute.images.size + fake.storage.objects.size, 0);
      assert.deepEqual(await provider.removeStaging(createOperation({ notes }), image.uuid), []);
    });

    it('does not include an image that is ready', async () => {
      const registered = await push();
      const [object, ...others] = await provider.removeStaging(operation, image.uuid);
      assert.match(object ?? '', /^object fake-bucket\//);
      assert.deepEqual(others, []);
      assert.ok(fake.compute.images.has(registered.id));
    });
  });
});
