import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { FakeS3, type FakeS3Options } from '../../../fakes/providers/files/fake-s3.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { connectTo, PART, push, withFolder } from './harness.js';

/** Five parts, the last of which is short; the third has zeros only. */
const DISK = createDisk({ blocks: 5, blockSize: PART, data: [0, 1, 3, 4] }).subarray(0, 4 * PART + 1000);
const PREFIX = 'team/images';

interface Setting {
  fake: FakeS3;
  folder: string;
  image: PushedImage;
}

async function withFake(options: FakeS3Options, work: (setting: Setting) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const fake = new FakeS3({ smallestPart: PART, ...options });
    await fake.server.listen();
    try {
      await work({ fake, folder, image: await createPushedImage(folder, DISK) });
    } finally {
      fake.server.close();
    }
  });
}

function keyOf({ uuid }: PushedImage): string {
  return `${PREFIX}/${uuid}/debian-12.raw`;
}

function assertPushed({ fake, image }: Setting): void {
  const object = fake.objects.get(keyOf(image));
  assert.equal(
    createHash('sha512')
      .update(object?.body ?? '')
      .digest('hex'),
    image.file.sha512,
  );
  assert.equal(object?.metadata['imagefactory-image'], image.uuid);
  assert.equal(fake.uploads.size, 0, 'no unfinished upload remains');
  const index = JSON.parse(fake.objects.get(`${PREFIX}/index.json`)?.body.toString() ?? '') as { images: object[] };
  assert.equal(index.images.length, 1);
}

describe('a push to a bucket', () => {
  it('makes one object with marks, a checksum file, a description and an index', async () => {
    await withFake({}, async (setting) => {
      const { fake, image } = setting;
      const provider = await connectTo(fake);
      const operation = createOperation();
      const registered = await push(provider, operation, image);
      assertPushed(setting);
      assert.equal(registered.id, `s3://images/${keyOf(image)}`);
      assert.match(registered.verifiedBy, /SHA-256 of every part/);
      assert.equal(
        fake.objects.get(`${PREFIX}/${image.uuid}/SHA256SUMS`)?.body.toString(),
        `${image.file.sha256}  debian-12.raw\n`,
      );
      for (const [key, { metadata }] of fake.objects)
        assert.equal(metadata['imagefactory-tool'], 'imagefactory-nova', key);
      assert.match(operation.progress.at(-1)?.message ?? '', /uploading debian-12.raw to bucket images: 257 KiB of/);
      assert.deepEqual(await provider.find(operation, image), registered);
      assert.deepEqual(await provider.removeStaging(operation, image.uuid), []);
      assertPushed(setting);
    });
  });

  for (const part of [1, 3, 5]) {
    it(`goes on after a cut in part ${part}, and sends no finished part twice`, async () => {
      await withFake({}, async (setting) => {
        const { fake, image } = setting;
        const stop = new AbortController();
        // The first attempt dies when so many parts have arrived.
        const first = createOperation({
          signal: stop.signal,
          onReport: () => {
            if (fake.received >= (part - 1) * PART && fake.received > 0) stop.abort(new Error('killed'));
          },
        });
        await assert.rejects(async () => push(await connectTo(fake), first, image), /killed/);
        const [arrived = 0] = [...fake.uploads.values()].map(({ parts }) => parts.size);
        // Without notes, as on another worker.
        await push(await connectTo(fake), createOperation(), image);
        assertPushed(setting);
        assert.ok(arrived > 0);
        assert.ok(fake.received <= DISK.length + 4 * PART, 'at most one part a connection twice');
      });
    });
  }

  it('goes on with the parts that have arrived when a connection is cut in the middle of one', async () => {
    await withFake({}, async (setting) => {
      const { fake, image } = setting;
      fake.server.cutRequest({ method: 'PUT', path: /debian-12\.raw/ }, 1000);
      await push(await connectTo(fake), createOperation(), image);
      assertPushed(setting);
      assert.equal(fake.received, DISK.length);
    });
  });

  it('sends a part again whose bytes are not those of the file', async () => {
    await withFake({}, async (setting) => {
      const { fake, image } = setting;
      fake.denied.add('CompleteMultipartUpload');
      await assert.rejects(push(await connectTo(fake), createOperation(), image), { hint: /s3:PutObject/ });
      fake.denied.clear();
      const [upload] = fake.uploads.values();
      const wrong = Buffer.alloc(PART, 'x');
      upload?.parts.set(2, { body: wrong, etag: '"wrong"', sha256: createHash('sha256').update(wrong).digest() });
      await push(await connectTo(fake), createOperation(), image);
      assertPushed(setting);
      assert.equal(fake.received, DISK.length + PART);
    });
  });

  it('reads every page of uploads and of parts', async () => {
    await withFake({ page: 2 }, async (setting) => {
      const { fake, image } = setting;
      fake.denied.add('CompleteMultipartUpload');
      await assert.rejects(push(await connectTo(fake), createOperation(), image), FactoryError);
      fake.denied.clear();
      await push(await connectTo(fake), createOperation(), image);
      assertPushed(setting);
      assert.equal(fake.received, DISK.length);
    });
  });

  it('compares by MD5 where the service knows no checksums', async () => {
    await withFake({ checksums: false }, async (setting) => {
      const { fake, image } = setting;
      fake.denied.add('CompleteMultipartUpload');
      await assert.rejects(push(await connectTo(fake), createOperation(), image), FactoryError);
      fake.denied.clear();
      const registered = await push(await connectTo(fake), createOperation(), image);
      assertPushed(setting);
      assert.match(registered.verifiedBy, /MD5 of every part/);
      assert.equal(fake.received, DISK.length);
    });
  });

  it('says plainly that it knows the size only where the service tells no digest', async () => {
    await withFake({ checksums: false, md5: false }, async (setting) => {
      const registered = await push(await connectTo(setting.fake), createOperation(), setting.image);
      assertPushed(setting);
      assert.match(registered.verifiedBy, /its size; the service tells no digest/);
    });
  });

  for (const conditions of ['ignored', 'refused'] as const) {
    it(`writes no index where conditions of writes are ${conditions}, because it could lose entries of others`, async () => {
      await withFake({ conditions }, async ({ fake, image }) => {
        const provider = await connectTo(fake);
        const registered = await push(provider, createOperation(), image);
        assert.equal(fake.objects.has(`${PREFIX}/index.json`), false);
        assert.deepEqual(await provider.find(createOperation(), image), registered);
        assert.equal((await provider.delete(createOperation(), registered)).length, 3);
        assert.equal(fake.objects.size, 0);
      });
    });
  }

  it('is tried again later when S3 is busy for long, as S3 asks', async () => {
    await withFake({}, async ({ fake, image }) => {
      fake.server.fail({
        kind: 'status',
        status: 503,
        retryAfter: 7,
        times: 99,
        match: { method: 'PUT', path: /partNumber/ },
      });
      await assert.rejects(push(await connectTo(fake), createOperation(), image), {
        type: 'RateLimited',
        retryable: true,
        retryAfterSeconds: 7,
      });
    });
  });

  it('leaves alone what somebody else has put under its name', async () => {
    await withFake({}, async ({ fake, image }) => {
      const theirs = { body: Buffer.from('theirs'), etag: '"1"', metadata: {}, composite: undefined };
      fake.objects.set(`${PREFIX}/${image.uuid}/image.json`, theirs);
      const provider = await connectTo(fake);
      await assert.rejects(push(provider, createOperation(), image), { type: 'Conflict' });
      fake.objects.delete(`${PREFIX}/${image.uuid}/image.json`);
      fake.objects.set(keyOf(image), theirs);
      await assert.rejects(push(provider, createOperation(), image), /was not made by a push of this image/);
      assert.equal(fake.objects.get(keyOf(image)), theirs);
    });
  });

  it('does not go on with the upload of other bytes', async () => {
    await withFake({}, async ({ fake, folder, image }) => {
      fake.denied.add('CompleteMultipartUpload');
      const provider = await connectTo(fake);
      await assert.rejects(push(provider, createOperation(), image), FactoryError);
      fake.denied.clear();
      const other = await createPushedImage(folder, Buffer.alloc(DISK.length, 'o'), { uuid: image.uuid });
      await assert.rejects(push(provider, createOperation(), other), /belongs to a push of another file/);
    });
  });

  it('keeps the entries of two pushes that change the index at the same time', async () => {
    await withFake({}, async ({ fake, folder }) => {
      const images = await Promise.all(
        Array.from({ length: 6 }, () => createPushedImage(folder, Buffer.alloc(100, 'x'))),
      );
      await Promise.all(images.map(async (image) => push(await connectTo(fake), createOperation(), image)));
      const index = JSON.parse(fake.objects.get(`${PREFIX}/index.json`)?.body.toString() ?? '') as {
        images: { uuid: string }[];
      };
      assert.deepEqual(index.images.map(({ uuid }) => uuid).sort(), images.map(({ uuid }) => uuid).sort());
    });
  });
});

describe('the clean-up of a bucket', () => {
  it('lists and removes what a dead push has left, and nothing else', async () => {
    await withFake({}, async ({ fake, folder, image }) => {
      const provider = await connectTo(fake);
      const done = await createPushedImage(folder, Buffer.alloc(10, 'd'));
      await push(provider, createOperation(), done);
      fake.denied.add('CompleteMultipartUpload');
      await assert.rejects(push(provider, createOperation(), image), FactoryError);
      fake.denied.clear();
      fake.uploads.set('theirs', {
        key: `${PREFIX}/theirs`,
        initiated: new Date(),
        metadata: {},
        checksums: false,
        parts: new Map(),
      });
      const staging = await provider.listStaging(createOperation());
      assert.deepEqual(
        staging.map(({ uuid }) => uuid),
        [image.uuid, image.uuid],
      );
      assert.deepEqual(
        staging.map(({ kind }) => kind),
        ['upload', 'unfinished push'],
      );
      assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 2);
      assert.deepEqual([...fake.uploads.keys()], ['theirs']);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
      assert.equal(fake.objects.size, 4, 'the other image with its three documents');
    });
  });

  it('deletes an image from its record alone, and does nothing the second time', async () => {
    await withFake({}, async ({ fake, image }) => {
      const registered = await push(await connectTo(fake), createOperation(), image);
      const provider = await connectTo(fake);
      assert.equal((await provider.delete(createOperation(), registered)).length, 3);
      assert.deepEqual(await provider.delete(createOperation(), registered), []);
      assert.deepEqual([...fake.objects.keys()], [`${PREFIX}/index.json`]);
      assert.deepEqual(JSON.parse(fake.objects.get(`${PREFIX}/index.json`)?.body.toString() ?? ''), { images: [] });
      await assert.rejects(
        provider.delete(createOperation(), { ...registered, id: 's3://other/x' }),
        /is not an image in bucket images/,
      );
    });
  });
});

describe('the check of a bucket', () => {
  it('leaves nothing, and finds nothing wrong when all is allowed', async () => {
    await withFake({}, async ({ fake, image }) => {
      const findings = await (await connectTo(fake)).check(createOperation(), image);
      assert.deepEqual(
        findings.filter(({ ok }) => !ok),
        [],
      );
      assert.equal(findings.length, 5);
      assert.equal(fake.objects.size + fake.uploads.size, 0);
    });
  });

  for (const [denied, permission] of [
    ['HeadBucket', 's3:ListBucket'],
    ['HeadObject', 's3:GetObject'],
    ['CreateMultipartUpload', 's3:PutObject'],
    ['ListMultipartUploads', 's3:ListBucketMultipartUploads'],
    ['AbortMultipartUpload', 's3:AbortMultipartUpload'],
  ] as const) {
    it(`names the permission ${permission} when it is missing for ${denied}`, async () => {
      await withFake({}, async ({ fake }) => {
        fake.denied.add(denied);
        const wrong = (await (await connectTo(fake)).check(createOperation())).filter(({ ok }) => !ok);
        assert.equal(wrong.length, 1);
        assert.match(wrong[0]?.hint ?? '', new RegExp(permission));
      });
    });
  }

  it('says that the access key is wrong', async () => {
    await withFake({}, async ({ fake, image }) => {
      const provider = await connectTo(fake, { secret: 'wrong' });
      const push1 = push(provider, createOperation(), image);
      await assert.rejects(push1, { type: 'AuthenticationFailed', retryable: false });
    });
  });

  it('says that the bucket does not exist', async () => {
    await withFake({}, async ({ fake, image }) => {
      fake.denied.clear();
      Object.assign(fake, { bucket: 'gone' });
      const provider = await connectTo(Object.assign(Object.create(fake) as FakeS3, { bucket: 'images' }));
      await assert.rejects(push(provider, createOperation(), image), { type: 'NotFound', hint: /create the bucket/ });
    });
  });
});
