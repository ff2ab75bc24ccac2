import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkIsoPrograms } from '../../../../src/media/iso.js';
import type { Image } from '../../../../src/openstack/types.js';
import { MediaServer } from '../../../fakes/openstack/media-server.js';
import { mediumFixture } from '../../../fakes/openstack/medium-fixture.js';
import { Scene } from './support.js';

const noIso = await checkIsoPrograms(new AbortController().signal).then(
  () => false,
  (error: Error) => error.message,
);

describe('images that the fake cloud fetches', () => {
  let scene: Scene;
  let media: MediaServer;
  before(async () => {
    scene = await Scene.start({ guests: false });
    media = await MediaServer.start();
  });
  after(async () => {
    await scene.close();
    await media.close();
  });

  async function queued(disk_format = 'raw'): Promise<string> {
    return (await scene.cloud.image.createImage({ name: 'fetched', disk_format, container_format: 'bare' })).id;
  }

  async function settled(id: string): Promise<Image | undefined> {
    return scene.until(
      () => scene.cloud.image.getImage(id),
      (image) => image?.['os_glance_import_task'] === undefined,
    );
  }

  it('are seen as what they are, like those that are uploaded', { skip: noIso }, async () => {
    const id = await queued('iso');
    const uri = media.put('/medium.iso', await mediumFixture({ files: { 'etc/installerconfig': 'script' } }));
    await scene.cloud.image.importImage(id, uri);
    assert.equal((await settled(id))?.status, 'active');
    const medium = scene.fake.state.images.get(id)?.content.medium;
    assert.deepEqual([medium?.bootable, medium?.files.has('etc/installerconfig')], [true, true]);
  });

  it('leave no property with images that are made of a server of theirs', async () => {
    const id = await queued();
    await scene.cloud.image.importImage(id, media.put('/disk.raw', Buffer.alloc(1000)));
    await settled(id);
    const server = await scene.server(id);
    await scene.reaches(server, 'ACTIVE');
    assert.equal((await scene.snapshot(server))['os_glance_failed_import'], undefined);
  });

  it('are fetched no further when they are deleted, and do not come back', async () => {
    const id = await queued();
    const uri = media.put('/slow.raw', Buffer.alloc(1000));
    let asked: () => void = () => undefined;
    const requested = new Promise<void>((resolve) => (asked = resolve));
    media.fault(/slow/, { kind: 'chosen', choose: () => (asked(), Promise.resolve({ kind: 'hang' })) });
    await scene.cloud.image.importImage(id, uri);
    await requested;
    await scene.cloud.image.deleteImage(id);
    assert.equal(await scene.cloud.image.getImage(id), undefined);
    assert.equal(scene.fake.leftovers().some((leftover) => leftover.id === id), false); // prettier-ignore
  });

  it('can be as few as an operator allows', async () => {
    const other = await Scene.start({ guests: false, importMethods: ['glance-direct'] });
    try {
      const { image } = other.cloud;
      assert.deepEqual(await image.listImportMethods(), ['glance-direct']);
      const { id } = await image.createImage({ name: 'fetched', disk_format: 'raw', container_format: 'bare' });
      await assert.rejects(image.importImage(id, media.debianUrl), /Unknown import method name 'web-download'/);
    } finally {
      await other.close();
    }
  });
});
