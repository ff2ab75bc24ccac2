import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkIsoPrograms } from '../../../../src/media/iso.js';
import type { Image } from '../../../../src/openstack/types.js';
import { MediaServer } from '../../../fakes/openstack/media-server.js';
import { createMediumFixture } from '../../../fakes/openstack/medium-fixture.js';
import { CloudFixture } from './cloud-fixture.js';

const noIso = await checkIsoPrograms(new AbortController().signal).then(
  () => false,
  (error: Error) => error.message,
);

describe('images that the fake cloud imports', () => {
  let fixture: CloudFixture;
  let media: MediaServer;
  before(async () => {
    fixture = await CloudFixture.start({ guests: false });
    media = await MediaServer.start();
  });
  after(async () => {
    await fixture.close();
    await media.close();
  });

  async function createQueued(disk_format = 'raw'): Promise<string> {
    return (await fixture.cloud.image.createImage({ name: 'fetched', disk_format, container_format: 'bare' })).id;
  }

  async function waitForEnd(id: string): Promise<Image | undefined> {
    return fixture.waitFor(
      () => fixture.cloud.image.getImage(id),
      (image) => image?.['os_glance_import_task'] === undefined,
    );
  }

  it('are recognised as install media, like uploaded images', { skip: noIso }, async () => {
    const id = await createQueued('iso');
    const uri = media.put('/medium.iso', await createMediumFixture({ files: { 'etc/installerconfig': 'script' } }));
    await fixture.cloud.image.importImage(id, uri);
    assert.equal((await waitForEnd(id))?.status, 'active');
    const medium = fixture.fake.state.images.get(id)?.content.medium;
    assert.deepEqual([medium?.bootable, medium?.files.has('etc/installerconfig')], [true, true]);
  });

  it('do not pass their import properties on to the snapshots of their servers', async () => {
    const id = await createQueued();
    await fixture.cloud.image.importImage(id, media.put('/disk.raw', Buffer.alloc(1000)));
    await waitForEnd(id);
    const server = await fixture.createServer(id);
    await fixture.waitForServer(server, 'ACTIVE');
    assert.equal((await fixture.createSnapshot(server))['os_glance_failed_import'], undefined);
  });

  it('are no longer downloaded after their deletion, and do not reappear', async () => {
    const id = await createQueued();
    const uri = media.put('/slow.raw', Buffer.alloc(1000));
    let asked: () => void = () => undefined;
    const requested = new Promise<void>((resolve) => (asked = resolve));
    media.addFault(/slow/, { kind: 'chosen', choose: () => (asked(), Promise.resolve({ kind: 'hang' })) });
    await fixture.cloud.image.importImage(id, uri);
    await requested;
    await fixture.cloud.image.deleteImage(id);
    assert.equal(await fixture.cloud.image.getImage(id), undefined);
    assert.equal(fixture.fake.leftovers().some((leftover) => leftover.id === id), false); // prettier-ignore
  });

  it('use only the import methods that the operator allows', async () => {
    const other = await CloudFixture.start({ guests: false, importMethods: ['glance-direct'] });
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
