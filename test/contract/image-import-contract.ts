import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Image } from '../../src/openstack/types.js';
import { MediaServer } from '../fakes/openstack/media-server.js';
import { type Bench, DISK, eventually, failure } from './bench.js';

const FILE = '/contract/disk.raw';
const skip = 'no address is known at which the cloud can reach this machine';

/** Declares the tests of images that Glance itself downloads from a URL. */
export function describeImageImport(bench: Bench): void {
  describe('image import', { skip: bench.here === undefined && skip }, () => {
    let media: MediaServer;
    let uri: string;
    before(async () => {
      media = await MediaServer.start({ host: bench.here ?? '' });
      uri = media.put(FILE, DISK);
    });
    after(() => media.close());

    /** Waits until the import of an image has ended, and returns the image. */
    async function settled(id: string): Promise<Image> {
      const image = await eventually(
        'import over',
        () => bench.cloud.image.getImage(id),
        (found) => found === undefined || found['os_glance_import_task'] === undefined,
      );
      assert.ok(image !== undefined, `image ${id} does not exist any more`);
      return image;
    }

    /**
     * Returns the status of an image, the stores into which Glance is importing it, and the stores for which the import
     * has failed.
     */
    function outcome(image: Image | undefined): unknown[] {
      return [image?.status, image?.['os_glance_importing_to_stores'], image?.['os_glance_failed_import']];
    }

    it('is offered with the method web-download', async () => {
      assert.ok((await bench.cloud.image.listImportMethods()).includes('web-download'));
    });

    it('locks the image during the import, and then shows it like an uploaded image', async () => {
      const { image: images } = bench.cloud;
      const { id } = await bench.queuedImage();
      let release: () => void = () => undefined;
      const held = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
      media.addFault(/disk\.raw$/, { kind: 'chosen', choose: () => held }, 1);
      await images.importImage(id, uri);
      const begun = await images.getImage(id);
      assert.equal(typeof begun?.['os_glance_import_task'], 'string');
      assert.ok(['queued', 'importing'].includes(begun?.status ?? ''), begun?.status);
      const again = await failure(images.importImage(id, uri), 'Conflict');
      assert.match(again.message, /Image has active task|Image needs to be in 'queued' state/);
      const importing = await eventually(
        'importing',
        () => images.getImage(id),
        (found) => found?.status === 'importing',
      );
      const store = importing?.['os_glance_importing_to_stores'];
      assert.ok(typeof store === 'string' && store !== '');
      assert.equal(importing?.['os_glance_failed_import'], '');
      const upload = await failure(images.uploadImage(id, Readable.from([DISK])), 'Conflict');
      assert.match(upload.message, /status transition from importing to saving is not allowed/);
      release();

      const image = await settled(id);
      assert.deepEqual(outcome(image), ['active', '', '']);
      assert.equal(image['stores'], store);
      assert.deepEqual(
        [image.size, image.virtual_size, image.checksum, image.os_hash_algo, image.os_hash_value],
        [DISK.length, DISK.length, createHash('md5').update(DISK).digest('hex'), 'sha512', createHash('sha512').update(DISK).digest('hex')],
      ); // prettier-ignore
      assert.equal(await images.getImportMessage(id), 'Copied 1 MiB');
      assert.ok((await buffer((await images.downloadImage(id)).data)).equals(DISK));
      const late = await failure(images.importImage(id, uri), 'Conflict');
      assert.match(late.message, /Image with status active cannot be target for import/);
    });

    it('fails when the URL gives no complete file, and can be repeated', async () => {
      const { image: images } = bench.cloud;
      const closed = await MediaServer.start({ host: bench.here ?? '' });
      await closed.close();
      media.put('/contract/short.raw', DISK);
      media.addFault(/short\.raw$/, { kind: 'truncated', bytes: 1000 });
      const { id } = await bench.queuedImage();
      assert.equal(await images.getImportMessage(id), undefined);
      const vain = [`${media.origin}/contract/none`, `${media.origin}/contract/short.raw`, `${closed.origin}${FILE}`];
      for (const one of vain) {
        await images.importImage(id, one);
        const image = await settled(id);
        assert.deepEqual([...outcome(image).slice(0, 2), image.size], ['queued', '', null], one);
        assert.ok(image['os_glance_failed_import'], one);
        assert.equal(await images.getImportMessage(id), 'Task failed due to Internal Error', one);
      }
      media.put('/contract/moved.raw', '');
      media.addFault(/moved\.raw$/, { kind: 'redirect', to: uri });
      await images.importImage(id, `${media.origin}/contract/moved.raw`);
      assert.deepEqual(outcome(await settled(id)), ['active', '', '']);
    });

    it('is refused for an address that is no HTTP URL, and for an unknown image', async () => {
      const { image: images } = bench.cloud;
      const { id } = await bench.queuedImage();
      for (const strange of ['ftp://ftp.example.org/disk.raw', 'file:///etc/hostname', 'disk.raw']) {
        const error = await failure(images.importImage(id, strange), 'BadRequest');
        assert.ok(error.message.includes(`URI for web-download does not pass filtering: ${strange}`), error.message);
      }
      assert.equal((await images.getImage(id))?.['os_glance_import_task'], undefined);
      const unknown = randomUUID();
      assert.match((await failure(images.importImage(unknown, uri), 'NotFound')).message, /No image found with ID/);
      assert.equal(await images.getImportMessage(unknown), undefined);
    });

    it('uses properties that only Glance may set', async () => {
      const { image: images } = bench.cloud;
      const { id } = await bench.queuedImage();
      const change = { op: 'add', path: '/os_glance_failed_import', value: 'files' } as const;
      const error = await failure(images.updateImage(id, [change]), 'Forbidden');
      assert.match(error.message, /Attribute 'os_glance_failed_import' is reserved/);
      const made = bench.queuedImage({ os_glance_import_task: randomUUID() });
      assert.match((await failure(made, 'Forbidden')).message, /Attribute 'os_glance_import_task' is reserved/);
    });

    it('ends without a trace when the image is deleted', async () => {
      const { image: images } = bench.cloud;
      const { id } = await bench.queuedImage();
      media.addFault(/disk\.raw$/, { kind: 'slow', bytes: DISK.length / 4, ms: 100 }, 1);
      await images.importImage(id, uri);
      await images.deleteImage(id);
      assert.equal(await images.getImage(id), undefined);
      assert.equal(await images.getImportMessage(id), undefined);
    });
  });
}
