import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { BLOCK, type Ec2Test, push, readDisk, startEc2Test } from '../../../support/providers/ec2.js';

let folder: string;
let test: Ec2Test;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ec2-'));
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  test = await startEc2Test();
});
afterEach(() => test.close());

describe('a push to EC2', () => {
  it('makes one AMI of the disk, with our tags on it and on its snapshot', async () => {
    const disk = createDisk({ blocks: 6, blockSize: BLOCK, data: [0, 2, 5] });
    const image = await createPushedImage(folder, disk, { firmware: 'uefi' });
    const operation = createOperation();
    const uploaded = await test.provider.upload(operation, image);
    const registered = await test.provider.register(operation, image, uploaded);

    const [snapshot] = test.snapshots();
    const [ami] = test.images();
    assert.ok(snapshot && ami);
    assert.equal(test.snapshots().length + test.images().length, 2);
    assert.deepEqual(readDisk(snapshot, disk.length), disk);
    assert.deepEqual([...snapshot.blocks.keys()].sort(), [0, 2, 5], 'blocks of zeros are left out');
    assert.equal(uploaded.sent, 3 * BLOCK);
    assert.equal(snapshot.volumeSize, 1);
    for (const tags of [snapshot.tags, ami.tags]) {
      assert.equal(tags.get('imagefactory_image'), image.uuid);
      assert.equal(tags.get('imagefactory_source'), image.file.sha512.slice(0, 32));
      assert.equal(tags.get('imagefactory_tool'), 'imagefactory-nova');
      assert.equal(tags.get('imagefactory_creator'), 'test:1');
    }
    const { parameters } = ami;
    assert.equal(parameters.get('BootMode'), 'uefi');
    assert.equal(parameters.get('Architecture'), 'x86_64');
    assert.equal(parameters.get('EnaSupport'), 'true');
    assert.equal(parameters.get('ImdsSupport'), 'v2.0');
    assert.equal(parameters.get('VolumeType'), 'gp3');
    assert.equal(parameters.get('RootDeviceName'), '/dev/sda1');
    assert.deepEqual(registered, {
      id: ami.id,
      location: `arn:aws:ec2:eu-west-1::image/${ami.id}`,
      account: test.fake.account,
      region: 'eu-west-1',
      resources: [{ kind: 'snapshot', id: snapshot.id }],
      verifiedBy:
        'SHA-256 of every block, and SHA-256 over all of them, checked by EBS; ' +
        'the AMI has the snapshot whose blocks EBS has checked',
    });
  });

  it('sends the end of a disk that does not fill its last block, with zeros behind it', async () => {
    const disk = Buffer.alloc(BLOCK + 512, 'x');
    const image = await createPushedImage(folder, disk);
    await push(test.provider, createOperation(), image);
    const [snapshot] = test.snapshots();
    assert.ok(snapshot);
    assert.deepEqual(readDisk(snapshot, disk.length), disk);
    assert.equal(
      snapshot.blocks
        .get(1)
        ?.data.subarray(512)
        .every((byte) => byte === 0),
      true,
    );
  });

  it('takes a name that is longer than EC2 allows', async () => {
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'), { name: 'Débian:'.repeat(60) });
    await push(test.provider, createOperation(), image);
    assert.match(test.images()[0]?.name ?? '', /^D-bian-D-bian-/);
  });

  it('takes a disk of zeros only', async () => {
    const image = await createPushedImage(folder, Buffer.alloc(BLOCK * 2));
    await push(test.provider, createOperation(), image);
    assert.equal(test.snapshots()[0]?.state, 'completed');
    assert.equal(test.images()[0]?.state, 'available');
  });
});
