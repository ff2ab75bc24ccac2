import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { FactoryError } from '../../../../src/domain/errors.js';
import { marksOfPushed } from '../../../../src/domain/provider-marks.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { labelsOf, objectName } from '../../../../src/providers/gce/names.js';
import { FakeGce } from '../../../fakes/providers/gce/fake-gce.js';
import { connectToFake, createGceArchive, createGceImage } from '../../../support/providers/gce.js';
import { createOperation } from '../../../support/providers/operation.js';

const PARTS = 3;
const PART = 256 * 1024;
const ARCHIVE = createGceArchive(PARTS * PART - 1000);

describe('a push to Compute Engine', { timeout: 60_000 }, () => {
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

  it('uploads the archive, and imports it', async () => {
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
    assert.match(registered.verifiedBy, /Compute Engine has no digest of an image/);
    assert.deepEqual(await provider.find(operation, image).then((found) => found?.id), registered.id);
    assert.ok(operation.progress.some(({ message }) => message.includes('is RUNNING')));
  });

  /** Runs an attempt that stops while the part with this number is sent. */
  async function stopInPart(part: number, notes: Map<string, string>): Promise<void> {
    const stopped = new AbortController();
    const answer = { kind: 'reset-before' as const };
    fake.server.fail({
      kind: 'chosen',
      choose: async () => {
        stopped.abort(new Error('stopped'));
        return answer;
      },
      match: { method: 'PUT' },
      // The first PUT asks for the offset.
      after: part + 1,
    });
    await assert.rejects(provider.upload(createOperation({ notes, signal: stopped.signal }), image), /stopped/);
  }

  for (const [part, where] of [
    [0, 'first'],
    [1, 'middle'],
    [2, 'last'],
  ] as const) {
    it(`goes on where it was stopped, in the ${where} part`, async () => {
      const notes = new Map<string, string>();
      await stopInPart(part, notes);
      const uploaded = await provider.upload(createOperation({ notes }), image);
      assert.equal(uploaded.sent, ARCHIVE.length - part * PART);
      assert.deepEqual(fake.storage.objects.get(objectName(image))?.content, ARCHIVE);
      assert.equal(fake.storage.received, ARCHIVE.length);
    });

    it(`starts anew when its notes are lost, in the ${where} part`, async () => {
      await stopInPart(part, new Map());
      const uploaded = await provider.upload(createOperation(), image);
      assert.equal(uploaded.sent, ARCHIVE.length);
      assert.deepEqual(fake.storage.objects.get(objectName(image))?.content, ARCHIVE);
    });
  }

  it('loses at most one part when a connection is cut in the middle of a part', async () => {
    fake.server.cutRequest({ method: 'PUT', path: /upload/ }, PART / 2);
    const uploaded = await provider.upload(createOperation(), image);
    assert.equal(uploaded.sent, ARCHIVE.length);
    assert.deepEqual(fake.storage.objects.get(objectName(image))?.content, ARCHIVE);
  });

  it('sends again what the bucket has not kept of a part', async () => {
    fake.storage.keeps.push(0, PART / 2, 0);
    await provider.upload(createOperation(), image);
    assert.deepEqual(fake.storage.objects.get(objectName(image))?.content, ARCHIVE);
  });

  it('gives up when the bucket keeps nothing', async () => {
    fake.storage.keeps.push(...Array<number>(10).fill(0));
    await assert.rejects(provider.upload(createOperation(), image), { type: 'CloudUnavailable', retryable: true });
  });

  it('starts a new upload when Cloud Storage has forgotten the first', async () => {
    const notes = new Map<string, string>();
    await stopInPart(1, notes);
    fake.storage.forgetUploads();
    assert.equal((await provider.upload(createOperation({ notes }), image)).sent, ARCHIVE.length);
  });

  it('ignores notes that cannot be read, and addresses of other servers', async () => {
    await provider.upload(createOperation({ notes: new Map([['gce-upload', 'no JSON']]) }), image);
    const notes = new Map<string, string>();
    const other = await createGceImage(folder, ARCHIVE);
    const source = other.file.sha512.slice(0, 32);
    notes.set('gce-upload', JSON.stringify({ source, crc32c: 'x', md5Hash: 'y', address: 'http://127.0.0.1:1/' }));
    await assert.rejects(provider.upload(createOperation({ notes }), other), /doesn't match calculated MD5/);
  });

  /** Connects as after a change of the configuration: to another bucket. */
  async function uploadToOtherBucket(notes: Map<string, string>) {
    fake.storage.bucket = 'other-bucket';
    const other = await connectToFake(fake, { bucket: 'other-bucket' });
    const operation = createOperation({ notes });
    return { operation, uploaded: await other.upload(operation, image).finally(() => other.close()) };
  }

  it('never continues the upload to another bucket, and gives it up', async () => {
    const notes = new Map<string, string>();
    await stopInPart(1, notes);
    const [first = ''] = fake.storage.uploads.keys();
    const { uploaded, operation } = await uploadToOtherBucket(notes);
    assert.equal(uploaded.sent, ARCHIVE.length);
    assert.equal(uploaded.ids['bucket'], 'other-bucket');
    assert.equal(fake.storage.uploads.has(first), false);
    assert.ok(!operation.progress.some(({ message }) => message.startsWith('reading')), 'the file is digested once');
  });

  it('never continues the upload to another endpoint, also when it cannot be given up', async () => {
    const notes = new Map<string, string>();
    await stopInPart(1, notes);
    const kept = JSON.parse(notes.get('gce-upload') ?? '') as Record<string, unknown>;
    notes.set('gce-upload', JSON.stringify({ ...kept, endpoint: 'https://storage.example.org' }));
    fake.server.fail({ kind: 'status', status: 400, match: { method: 'DELETE' } });
    assert.equal((await provider.upload(createOperation({ notes }), image)).sent, ARCHIVE.length);
    assert.equal(fake.server.log.count({ method: 'DELETE' }), 1);
  });

  it('refuses an object that came into being in another bucket', async () => {
    const notes = new Map<string, string>();
    await stopInPart(1, notes);
    const kept = JSON.parse(notes.get('gce-upload') ?? '') as Record<string, unknown>;
    notes.set('gce-upload', JSON.stringify({ ...kept, bucket: 'other-bucket' }));
    await assert.rejects(uploadToOtherBucket(notes), {
      type: 'Conflict',
      message: /into bucket fake-bucket instead of other-bucket/,
    });
    assert.equal((await uploadToOtherBucket(notes)).uploaded.sent, ARCHIVE.length);
  });

  it('never continues the upload of another file', async () => {
    const notes = new Map<string, string>();
    await stopInPart(1, notes);
    const content = createGceArchive(2 * PART);
    const changed = await createGceImage(folder, content, { uuid: image.uuid });
    const uploaded = await provider.upload(createOperation({ notes }), changed);
    assert.equal(uploaded.sent, content.length);
    assert.deepEqual(fake.storage.objects.get(objectName(changed))?.content, content);
    assert.deepEqual(
      [...fake.storage.uploads.values()].map(({ resource }) => resource.name),
      [objectName(changed)],
    );
  });

  it('sends no byte of a file that is there already', async () => {
    await provider.upload(createOperation(), image);
    assert.equal((await provider.upload(createOperation(), image)).sent, 0);
  });

  it('refuses an object of somebody else under its name, and leaves it', async () => {
    fake.storage.put(objectName(image), Buffer.from('theirs'), { owner: 'somebody' });
    await assert.rejects(provider.upload(createOperation(), image), { type: 'Conflict', retryable: false });
    assert.equal(fake.storage.objects.get(objectName(image))?.content.toString(), 'theirs');
  });

  for (const moment of ['reading', 'uploading']) {
    it(`uses the object of another attempt that was faster, while it is ${moment}`, async () => {
      let isFirst = true;
      const operation = createOperation({
        onReport: ({ message }) => {
          if (!isFirst || !message.startsWith(moment)) return;
          isFirst = false;
          fake.storage.put(objectName(image), ARCHIVE, marksOfPushed(image, 'other:1'));
        },
      });
      const { ids } = await provider.upload(operation, image);
      assert.equal(fake.storage.objects.get(objectName(image))?.generation, ids['generation']);
      assert.equal(fake.storage.objects.size, 1);
    });
  }

  it('removes an object of its own that differs from the file', async () => {
    fake.storage.put(objectName(image), Buffer.from('torn'), marksOfPushed(image, 'other:1'));
    await assert.rejects(provider.upload(createOperation(), image), (error: FactoryError) => {
      assert.equal(error.type, 'ChecksumMismatch');
      assert.match(error.message, /4 bytes instead of \d+, CRC32C .* instead of .*, MD5 .* instead of/);
      return error.retryable;
    });
    assert.equal(fake.storage.objects.size, 0);
  });

  it('goes on with an upload for which the quota was used up', async () => {
    const notes = new Map<string, string>();
    const message = JSON.stringify({ error: { message: 'no', errors: [{ reason: 'quotaExceeded' }] } });
    fake.server.fail({ kind: 'status', status: 403, message, match: { method: 'PUT' }, after: 2 });
    await assert.rejects(provider.upload(createOperation({ notes }), image), {
      type: 'QuotaExceeded',
      retryable: false,
      hint: /larger quota; then resume the push/,
    });
    assert.equal((await provider.upload(createOperation({ notes }), image)).sent, ARCHIVE.length - PART);
  });

  it('forgets an upload whose bytes changed on the way', async () => {
    fake.storage.corruptNext = true;
    const notes = new Map<string, string>();
    await assert.rejects(provider.upload(createOperation({ notes }), image), /doesn't match calculated MD5/);
    assert.equal((await provider.upload(createOperation({ notes }), image)).sent, ARCHIVE.length);
  });

  it('refuses what Compute Engine does not take, before it sends anything', async () => {
    const refused = [
      { format: 'raw' as const, message: /takes no image of the format raw/ },
      { virtualSize: 1024 ** 3 + 512, message: /whole GiB alone/ },
      { os: { name: 'Debian', version: '12', arch: 'riscv64' }, message: /no machines of the architecture riscv64/ },
      { os: { name: 'Debian', version: '12', arch: 'aarch64' }, message: /ARM64 machines with UEFI firmware alone/ },
    ];
    for (const { message, ...options } of refused) {
      const bad = await createGceImage(folder, ARCHIVE, options);
      await assert.rejects(provider.upload(createOperation(), bad), { type: 'InvalidParameter', message });
    }
    assert.equal(fake.server.log.count(), 0);
  });
});
