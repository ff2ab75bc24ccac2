import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { FakeCloud } from '../../../fakes/openstack/fake-cloud.js';
import { cdrom, rootDisk, Scene } from './support.js';

const guests = await FakeCloud.guestSupport();

describe('volumes of the fake cloud', () => {
  let scene: Scene;
  before(async () => (scene = await Scene.start({ guests: false, durations: { install: 30 } })));
  after(() => scene.close());

  const upload = (id: string): Promise<string> =>
    scene.cloud.volume.uploadToImage(id, { image_name: 'image', disk_format: 'qcow2', container_format: 'bare' });

  it('fail, hang and vanish as a test wants', async () => {
    const { fake, cloud } = scene;
    fake.volumeBehaviours.add({ match: { name: /^bad$/ }, create: 'error' });
    fake.volumeBehaviours.add({ match: { name: /^stuck$/ }, create: 'stuck' });
    fake.volumeBehaviours.add({ match: { name: /^stays$/ }, delete: 'error' });
    const imageRef = (await scene.image()).id;
    const made = ['bad', 'stuck', 'stolen'].map((name) => cloud.volume.createVolume({ name, size: 1, imageRef, metadata: {} })); // prettier-ignore
    const [bad, stuck, stolen] = await Promise.all(made);
    assert.ok(bad !== undefined && stuck !== undefined && stolen !== undefined);
    assert.equal((await scene.volumeIn(bad.id, 'error')).bootable, false);
    const full = 'copy image to volume:Image used for creating volume exceeds available space.';
    assert.deepEqual(await cloud.volume.listMessages(bad.id), [full]);
    const empty = await cloud.volume.createVolume({ name: 'bad', size: 1, metadata: {} });
    await scene.volumeIn(empty.id, 'error');
    const refused = 'create volume from backend storage:Driver failed to create the volume.';
    assert.deepEqual(await cloud.volume.listMessages(empty.id), [refused]);
    await scene.volumeIn(stolen.id, 'available');
    fake.deleteVolume(stolen.id);
    assert.equal(await cloud.volume.getVolume(stolen.id), undefined);
    assert.equal((await cloud.volume.getVolume(stuck.id))?.status, 'downloading');
    const stays = await scene.volume({ name: 'stays' });
    await cloud.volume.deleteVolume(stays);
    await scene.volumeIn(stays, 'error_deleting');
  });

  it('become images that vanish, stay empty or never come as a test wants', async () => {
    const { fake, cloud } = scene;
    const id = await scene.volume({ imageRef: (await scene.image()).id });
    const outcome = async (how: 'deleted' | 'lost' | 'empty'): Promise<unknown> => {
      fake.volumeBehaviours.add({ upload: how, times: 1 });
      const image = await upload(id);
      await scene.volumeIn(id, 'available');
      const found = await cloud.image.getImage(image);
      return found && [found.status, found.size];
    };
    assert.equal(await outcome('deleted'), undefined);
    const failed = 'copy volume to image:Failed to upload volume to image at backend.';
    assert.deepEqual(await cloud.volume.listMessages(id), [failed]);
    assert.deepEqual(await outcome('lost'), ['queued', null]);
    assert.deepEqual(await cloud.volume.listMessages(id), [failed], 'nobody is left to tell');
    assert.deepEqual(await outcome('empty'), ['active', 0]);
    fake.volumeBehaviours.add({ upload: 'stuck', times: 1 });
    const image = await upload(id);
    await assert.rejects(upload(id), /status must be available/);
    assert.equal((await cloud.image.getImage(image))?.status, 'queued');
  });

  it('give a server that boots from them its kernel, and lose what started the installer when it is done', async () => {
    const { id: imageRef, kernel_id } = await scene.installerImage();
    const root = await scene.volume({ imageRef });
    const id = await scene.server(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    await scene.reaches(id, 'SHUTOFF');
    assert.equal(scene.fake.state.servers.get(id)?.commandLine, 'console=ttyS0');
    assert.equal(scene.fake.state.volumes.get(root)?.content.blank, undefined);
    await scene.cloud.compute.deleteServer(id);
    await scene.volumeIn(root, 'available');
    const image = await scene.cloud.image.getImage(await upload(root));
    assert.equal(image?.['kernel_id'], kernel_id);
  });

  it('are held by snapshots that Nova makes with an empty image, which no server boots from', async () => {
    const { cloud, fake } = scene;
    const root = await scene.volume({ imageRef: (await scene.image({ os_distro: 'debian' })).id });
    const id = await scene.server(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    await scene.reaches(id, 'ACTIVE');
    const snapshot = await scene.snapshot(id);
    assert.deepEqual([snapshot.size, snapshot['os_distro'], snapshot['base_image_ref'], snapshot['bdm_v2']], [0, 'debian', '', 'True']); // prettier-ignore
    assert.deepEqual(fake.leftovers().filter(({ kind }) => kind === 'volume snapshot').map(({ name }) => name), ['snapshot for snapshot']); // prettier-ignore
    const copy = await scene.server(snapshot.id);
    assert.match((await scene.reaches(copy, 'ERROR')).fault?.message ?? '', /Invalid snapshot/);
    await cloud.compute.deleteServer(id);
    await scene.gone(id);
    assert.equal((await cloud.volume.getVolume(root))?.status, 'available');
    await assert.rejects(cloud.volume.deleteVolume(root), (error: unknown) => error instanceof FactoryError && error.type === 'Conflict'); // prettier-ignore
  });

  it('go with their server where it was asked for', async () => {
    const { compute, volume } = scene.cloud;
    const drive = await scene.volume({ imageRef: (await scene.image()).id });
    const root = await scene.volume({ imageRef: (await scene.image()).id });
    const id = await scene.server(undefined, {
      block_device_mapping_v2: [{ ...rootDisk(root), delete_on_termination: true }, cdrom(drive)],
    });
    await scene.reaches(id, 'ACTIVE');
    await compute.deleteServer(id);
    await scene.gone(id);
    await scene.until(
      () => volume.getVolume(root),
      (found) => found === undefined,
    );
    assert.equal((await volume.getVolume(drive))?.status, 'available');
  });

  it('are refused by quotas, by number and by size', async () => {
    const { fake, cloud } = scene;
    const create = (): Promise<unknown> => cloud.volume.createVolume({ name: 'more', size: 1, metadata: {} });
    fake.state.quotas.volumes = fake.state.volumes.size;
    await assert.rejects(create(), /VolumeLimitExceeded/);
    fake.state.quotas.gigabytes = fake.state.volumes.size;
    await assert.rejects(create(), /VolumeSizeExceedsAvailableQuota/);
    Object.assign(fake.state.quotas, { volumes: -1, gigabytes: -1 });
  });

  it('can be missing from a cloud', async () => {
    const other = await Scene.start({ guests: false, blockStorage: false });
    try {
      assert.equal(await scene.cloud.volume.isAvailable(), true);
      assert.equal(await other.cloud.volume.isAvailable(), false);
    } finally {
      await other.close();
    }
  });
});

describe('guests of the fake cloud on volumes', { skip: guests.supported ? false : guests.reason }, () => {
  let scene: Scene;
  before(async () => (scene = await Scene.start()));
  after(() => scene.close());

  it('keep their disk in their volume, and in the image that is made of it', async () => {
    const { compute, volume, image: images } = scene.cloud;
    const root = await scene.volume({ imageRef: (await scene.image()).id });
    const { id, address } = await scene.guestServer(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    const guest = await scene.login(address);
    assert.equal((await guest.run('echo kept >/opt/kept')).exitCode, 0);
    guest.close();
    assert.equal(await scene.fake.guestFiles(id)?.read('opt/kept'), 'kept\n');
    await compute.deleteServer(id);
    await scene.gone(id);
    const imageRef = await volume.uploadToImage(root, { image_name: 'image', disk_format: 'qcow2', container_format: 'bare' }); // prettier-ignore
    await scene.volumeIn(root, 'available');
    assert.equal((await images.getImage(imageRef))?.status, 'active');
    await volume.deleteVolume(root);

    await images.updateImage(imageRef, [{ op: 'remove', path: '/signature_verified' }]);
    const again = await scene.volume({ imageRef });
    for (const request of [{ imageRef }, { block_device_mapping_v2: [rootDisk(again)] }]) {
      const copy = await scene.guestServer(undefined, request);
      const other = await scene.login(copy.address);
      assert.equal((await other.run('cat /opt/kept')).stdout, 'kept\n');
      other.close();
    }
  });
});
