import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { labelsOf, objectName } from '../../../../src/providers/gce/names.js';
import { FakeGce } from '../../../fakes/providers/gce/fake-gce.js';
import { connectToFake, createGceArchive, createGceImage } from '../../../support/providers/gce.js';
import { createOperation } from '../../../support/providers/operation.js';

const PARTS = 3;
const PART = 256 * 1024;
const ARCHIVE = createGceArchive(PARTS * PART - 1000);

describe('a push to Compute Engine', () => {
  let folder = '';
  let fake: FakeGce;
  let provider: Provider;
  let image: PushedImage;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gce-push-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    fake = new FakeGce();
    await fake.server.listen();
    provider = await connectToFake(fake);
    image = await createGceImage(folder, ARCHIVE, { firmware: 'uefi' });
  });
  afterEach(async () => {
    await provider.close();
    fake.server.close();
  });

  it('uploads the archive, imports it, and removes the archive from the bucket', async () => {
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    const object = fake.storage.objects.get(objectName(image));
    assert.deepEqual(object?.content, ARCHIVE);
    assert.equal(object?.metadata['imagefactory_image'], image.uuid);
    assert.equal(uploaded.sent, ARCHIVE.length);
    assert.match(uploaded.verifiedBy, /CRC32C and MD5/);
    const registered = await provider.register(operation, image, uploaded);
    const made = fake.compute.images.get(registered.id);
    assert.equal(registered.id, `debian-12-gce-${image.uuid}`);
    assert.equal(made?.family, 'debian-12-gce');
    assert.deepEqual(made?.labels, labelsOf(image, operation.creator));
    assert.equal(made?.architecture, 'X86_64');
    assert.ok(made?.guestOsFeatures?.some(({ type }) => type === 'UEFI_COMPATIBLE'));
    assert.equal(fake.storage.objects.size, 0);
    assert.match(registered.verifiedBy, /Compute Engine has no digest of an image/);
    assert.deepEqual(await provider.find(operation, image).then((found) => found?.id), registered.id);
    assert.ok(operation.progress.some(({ message }) => message.includes('is RUNNING')));
  });
});
