import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { FakeCloud } from '../../../fakes/openstack/fake-cloud.js';
import { cdrom, rootDisk, CloudFixture } from './cloud-fixture.js';

const guests = await FakeCloud.checkGuestSupport();

describe('volumes of the fake cloud', () => {
  let fixture: CloudFixture;
  before(async () => (fixture = await CloudFixture.start({ guests: false, durations: { install: 30 } })));
  after(() => fixture.close());

  const upload = (id: string): Promise<string> =>
    fixture.cloud.volume.uploadToImage(id, { image_name: 'image', disk_format: 'qcow2', container_format: 'bare' });

  it('fail, hang and disappear as a test configures', async () => {
    const { fake, cloud } = fixture;
    fake.volumeBehaviours.add({ match: { name: /^bad$/ }, create: 'error' });
    fake.volumeBehaviours.add({ match: { name: /^stuck$/ }, create: 'stuck' });
    fake.volumeBehaviours.add({ match: { name: /^stays$/ }, delete: 'error' });
    const imageRef = (await fixture.createImage()).id;
    const made = ['bad', 'stuck', 'stolen'].map((name) => cloud.volume.createVolume({ name, size: 1, imageRef, metadata: {} })); // prettier-ignore
    const [bad, stuck, stolen] = await Promise.all(made);
    assert.ok(bad !== undefined && stuck !== undefined && stolen !== undefined);
    assert.equal((await fixture.waitForVolume(bad.id, 'error')).bootable, false);
    const full = 'copy image to volume:Image used for creating volume exceeds available space.';
    assert.deepEqual(await cloud.volume.listMessages(bad.id), [full]);
    const empty = await cloud.volume.createVolume({ name: 'bad', size: 1, metadata: {} });
    await fixture.waitForVolume(empty.id, 'error');
    const refused = 'create volume from backend storage:Driver failed to create the volume.';
    assert.deepEqual(await cloud.volume.listMessages(empty.id), [refused]);
    await fixture.waitForVolume(stolen.id, 'available');
    fake.deleteVolume(stolen.id);
    assert.equal(await cloud.volume.getVolume(stolen.id), undefined);
    assert.equal((await cloud.volume.getVolume(stuck.id))?.status, 'downloading');
    const stays = await fixture.createVolume({ name: 'stays' });
    await cloud.volume.deleteVolume(stays);
    await fixture.waitForVolume(stays, 'error_deleting');
  });

  it('become images that disappear, stay empty or stay queued as a test configures', async () => {
    const { fake, cloud } = fixture;
    const id = await fixture.createVolume({ imageRef: (await fixture.createImage()).id });
    const outcome = async (how: 'deleted' | 'lost' | 'empty'): Promise<unknown> => {
      fake.volumeBehaviours.add({ upload: how, times: 1 });
      const image = await upload(id);
      await fixture.waitForVolume(id, 'available');
      const found = await cloud.image.getImage(image);
      return found && [found.status, found.size];
    };
    assert.equal(await outcome('deleted'), undefined);
    const failed = 'copy volume to image:Failed to upload volume to image at backend.';
    assert.deepEqual(await cloud.volume.listMessages(id), [failed]);
    assert.deepEqual(await outcome('lost'), ['queued', null]);
    assert.deepEqual(await cloud.volume.listMessages(id), [failed], 'a crashed Cinder sends no message');
    assert.deepEqual(await outcome('empty'), ['active', 0]);
    fake.volumeBehaviours.add({ upload: 'stuck', times: 1 });
    const image = await upload(id);
    await assert.rejects(upload(id), /status must be available/);
    assert.equal((await cloud.image.getImage(image))?.status, 'queued');
  });

  it('have the kernel for a server that boots from them, and contain a system after the installation', async () => {
    const { id: imageRef, kernel_id } = await fixture.createInstallerImage();
    const root = await fixture.createVolume({ imageRef });
    const id = await fixture.createServer(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    await fixture.waitForServer(id, 'SHUTOFF');
    assert.equal(fixture.fake.state.servers.get(id)?.commandLine, 'console=ttyS0');
    assert.equal(fixture.fake.state.volumes.get(root)?.content.blank, undefined);
    await fixture.cloud.compute.deleteServer(id);
    await fixture.waitForVolume(root, 'available');
    const image = await fixture.cloud.image.getImage(await upload(root));
    assert.equal(image?.['kernel_id'], kernel_id);
  });

  it('cannot be deleted while a snapshot of their server exists; that image is empty and boots no server', async () => {
    const { cloud, fake } = fixture;
    const root = await fixture.createVolume({ imageRef: (await fixture.createImage({ os_distro: 'debian' })).id });
    const id = await fixture.createServer(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    await fixture.waitForServer(id, 'ACTIVE');
    const snapshot = await fixture.createSnapshot(id);
    assert.deepEqual([snapshot.size, snapshot['os_distro'], snapshot['base_image_ref'], snapshot['bdm_v2']], [0, 'debian', '', 'True']); // prettier-ignore
    assert.deepEqual(fake.leftovers().filter(({ kind }) => kind === 'volume snapshot').map(({ name }) => name), ['snapshot for snapshot']); // prettier-ignore
    const copy = await fixture.createServer(snapshot.id);
    assert.match((await fixture.waitForServer(copy, 'ERROR')).fault?.message ?? '', /Invalid snapshot/);
    await cloud.compute.deleteServer(id);
    await fixture.waitForDeletion(id);
    assert.equal((await cloud.volume.getVolume(root))?.status, 'available');
    await assert.rejects(cloud.volume.deleteVolume(root), (error: unknown) => error instanceof FactoryError && error.type === 'Conflict'); // prettier-ignore
  });

  it('are deleted with their server if it has delete_on_termination', async () => {
    const { compute, volume } = fixture.cloud;
    const drive = await fixture.createVolume({ imageRef: (await fixture.createImage()).id });
    const root = await fixture.createVolume({ imageRef: (await fixture.createImage()).id });
    const id = await fixture.createServer(undefined, {
      block_device_mapping_v2: [{ ...rootDisk(root), delete_on_termination: true }, cdrom(drive)],
    });
    await fixture.waitForServer(id, 'ACTIVE');
    await compute.deleteServer(id);
    await fixture.waitForDeletion(id);
    await fixture.waitFor(
      () => volume.getVolume(root),
      (found) => found === undefined,
    );
    assert.equal((await volume.getVolume(drive))?.status, 'available');
  });

  it('are refused by quotas, by number and by size', async () => {
    const { fake, cloud } = fixture;
    const create = (): Promise<unknown> => cloud.volume.createVolume({ name: 'more', size: 1, metadata: {} });
    fake.state.quotas.volumes = fake.state.volumes.size;
    await assert.rejects(create(), /VolumeLimitExceeded/);
    fake.state.quotas.gigabytes = fake.state.volumes.size;
    await assert.rejects(create(), /VolumeSizeExceedsAvailableQuota/);
    Object.assign(fake.state.quotas, { volumes: -1, gigabytes: -1 });
  });

  it('are not available in a cloud without block storage', async () => {
    const other = await CloudFixture.start({ guests: false, blockStorage: false });
    try {
      assert.equal(await fixture.cloud.volume.isAvailable(), true);
      assert.equal(await other.cloud.volume.isAvailable(), false);
    } finally {
      await other.close();
    }
  });
});

describe('guests of the fake cloud on volumes', { skip: guests.supported ? false : guests.reason }, () => {
  let fixture: CloudFixture;
  before(async () => (fixture = await CloudFixture.start()));
  after(() => fixture.close());

  it('keep their files in their volume, and in an image of the volume', async () => {
    const { compute, volume, image: images } = fixture.cloud;
    const root = await fixture.createVolume({ imageRef: (await fixture.createImage()).id });
    const { id, address } = await fixture.createGuest(undefined, { block_device_mapping_v2: [rootDisk(root)] });
    const guest = await fixture.waitForLogin(address);
    assert.equal((await guest.run('echo kept >/opt/kept')).exitCode, 0);
    guest.close();
    assert.equal(await fixture.fake.guestFiles(id)?.read('opt/kept'), 'kept\n');
    await compute.deleteServer(id);
    await fixture.waitForDeletion(id);
    const imageRef = await volume.uploadToImage(root, { image_name: 'image', disk_format: 'qcow2', container_format: 'bare' }); // prettier-ignore
    await fixture.waitForVolume(root, 'available');
    assert.equal((await images.getImage(imageRef))?.status, 'active');
    await volume.deleteVolume(root);

    await images.updateImage(imageRef, [{ op: 'remove', path: '/signature_verified' }]);
    const again = await fixture.createVolume({ imageRef });
    for (const request of [{ imageRef }, { block_device_mapping_v2: [rootDisk(again)] }]) {
      const copy = await fixture.createGuest(undefined, request);
      const other = await fixture.waitForLogin(copy.address);
      assert.equal((await other.run('cat /opt/kept')).stdout, 'kept\n');
      other.close();
    }
  });
});
