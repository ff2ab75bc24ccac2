import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { FactoryError } from '../../src/domain/errors.js';
import { type Bench, DISK, failure } from './bench.js';

/** Declares the tests of images, their bytes and their properties. */
export function describeImages(bench: Bench): void {
  describe('image', () => {
    it('creates an image with an id that we choose, and refuses a second image with the same id', async () => {
      const image = await bench.queuedImage({ contract_property: 'a b' });
      assert.equal(image.status, 'queued');
      assert.equal(image['contract_property'], 'a b');
      const request = { id: image.id, name: 'another', disk_format: 'raw', container_format: 'bare' };
      const error = await failure(bench.cloud.image.createImage(request), 'Conflict');
      assert.match(error.message, /already exists/);
      assert.match(error.requestId ?? '', /^req-/);
      await bench.cloud.image.deleteImage(image.id);
      await bench.cloud.image.deleteImage(image.id);
      assert.equal(await bench.cloud.image.getImage(image.id), undefined);
      // A cloud may accept the id of a deleted image again, or refuse it with a conflict. The test fails on all other
      // errors.
      await bench.cloud.image.createImage(request).catch((reason: unknown) => {
        assert.ok(reason instanceof FactoryError && reason.type === 'Conflict');
      });
    });

    it('stores uploaded bytes, and returns them with the correct digests', async () => {
      const { id } = await bench.queuedImage();
      const seen: number[] = [];
      const chunks = [DISK.subarray(0, 1000), DISK.subarray(1000)];
      await bench.cloud.image.uploadImage(id, Readable.from(chunks), { onProgress: (bytes) => seen.push(bytes) });
      assert.equal(seen.at(-1), DISK.length);
      const image = await bench.cloud.image.getImage(id);
      assert.equal(image?.status, 'active');
      assert.equal(image.size, DISK.length);
      assert.equal(image.checksum, createHash('md5').update(DISK).digest('hex'));
      assert.equal(image.os_hash_algo, 'sha512');
      assert.equal(image.os_hash_value, createHash('sha512').update(DISK).digest('hex'));
      const { data, size } = await bench.cloud.image.downloadImage(id);
      assert.equal(size, DISK.length);
      assert.ok((await buffer(data)).equals(DISK));
      const rest = await bench.cloud.image.readImage(id, 1000);
      assert.equal(rest.offset, 1000);
      assert.ok((await buffer(rest.data)).equals(DISK.subarray(1000)));
      const error = await failure(bench.cloud.image.uploadImage(id, Readable.from([DISK])), 'Conflict');
      assert.match(error.message, /Glance .* refused PUT .*\/file \(409\)/);
    });

    it('accepts one of two uploads at the same time, and refuses the other as a conflict', async () => {
      const { id } = await bench.queuedImage();
      const uploads = await Promise.allSettled(
        [1, 2].map(() => bench.cloud.image.uploadImage(id, Readable.from([DISK]), { size: DISK.length })),
      );
      const refused = uploads.filter((upload) => upload.status === 'rejected');
      assert.equal(refused.length, 1);
      for (const { reason } of refused) await failure(Promise.reject(reason as Error), 'Conflict');
      assert.equal((await bench.cloud.image.getImage(id))?.status, 'active');
      assert.ok((await buffer((await bench.cloud.image.downloadImage(id)).data)).equals(DISK));
    });

    it('lists the disk formats that it accepts', async () => {
      const formats = await bench.cloud.image.listDiskFormats();
      for (const format of ['raw', 'qcow2', 'aki', 'ari']) assert.ok(formats.includes(format), format);
    });

    it('lists images by tags, name and properties', async () => {
      const tag = `contract=${randomUUID()}`;
      const image = await bench.queuedImage({ contract_list: tag });
      const { image: images } = bench.cloud;
      const ids = async (query: Parameters<typeof images.listImages>[0]): Promise<string[]> =>
        (await images.listImages(query)).map((found) => found.id);
      assert.deepEqual(await ids({ properties: { contract_list: tag } }), [image.id]);
      assert.deepEqual(await ids({ properties: { contract_list: 'other' } }), []);
      await images.updateImage(image.id, [{ op: 'replace', path: '/tags', value: ['contract', tag] }]);
      assert.deepEqual(await ids({ tags: ['contract', tag] }), [image.id]);
      assert.deepEqual(await ids({ tags: [tag], name: image.name ?? '' }), [image.id]);
      assert.deepEqual(await ids({ tags: [tag, 'another'] }), []);
    });

    it('adds, replaces and removes properties', async () => {
      const { id } = await bench.queuedImage({ contract_old: '1', contract_gone: '1' });
      const image = await bench.cloud.image.updateImage(id, [
        { op: 'add', path: '/contract_new', value: 'n' },
        { op: 'replace', path: '/contract_old', value: '2' },
        { op: 'remove', path: '/contract_gone' },
        { op: 'replace', path: '/name', value: bench.name('renamed') },
        { op: 'replace', path: '/min_disk', value: 3 },
      ]);
      assert.deepEqual(
        [image['contract_new'], image['contract_old'], image['contract_gone'], image.name, image.min_disk],
        ['n', '2', undefined, bench.name('renamed'), 3],
      );
      assert.equal((await bench.cloud.image.getImage(id))?.['contract_new'], 'n');
      await failure(bench.cloud.image.updateImage(id, [{ op: 'remove', path: '/contract_none' }]), 'Conflict');
    });

    it('finds nothing for the id of an image that does not exist, and refuses to change it', async () => {
      const id = randomUUID();
      assert.equal(await bench.cloud.image.getImage(id), undefined);
      const download = await failure(bench.cloud.image.downloadImage(id), 'NotFound');
      assert.match(download.message, /Glance .* refused GET .* \(404\): No image found with ID/);
      await failure(bench.cloud.image.uploadImage(id, Readable.from([DISK])), 'NotFound');
      await failure(bench.cloud.image.updateImage(id, [{ op: 'add', path: '/a', value: 'b' }]), 'NotFound');
    });

    it('reports ImageFailed when an image without bytes is downloaded', async () => {
      const { id } = await bench.queuedImage();
      await failure(bench.cloud.image.downloadImage(id), 'ImageFailed');
    });

    it('refuses an unknown disk format', async () => {
      const request = { name: bench.name('bad'), disk_format: 'punched-cards', container_format: 'bare' };
      await failure(bench.cloud.image.createImage(request), 'BadRequest');
    });
  });
}
