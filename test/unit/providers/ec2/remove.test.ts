import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { PushedImage } from '../../../../src/providers/types.js';
import { addImage } from '../../../fakes/providers/ec2/images.js';
import type { FakeSnapshot } from '../../../fakes/providers/ec2/state.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { BLOCK, type Ec2Test, push, REGION, startEc2Test } from '../../../support/providers/ec2.js';

let folder: string;
let image: PushedImage;
let test: Ec2Test;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ec2-'));
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  test = await startEc2Test();
  image = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'));
});
afterEach(() => test.close());

/** A snapshot that somebody has, with these tags. */
async function addSnapshot(tags: Record<string, string>): Promise<FakeSnapshot> {
  const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'z'));
  const { ids } = await test.provider.upload(createOperation(), other);
  const snapshot = test.fake.region(REGION).snapshots.get(ids['snapshot'] ?? '');
  assert.ok(snapshot);
  snapshot.tags = new Map(Object.entries(tags));
  return snapshot;
}

describe('what a push has left at EC2', () => {
  it('is listed: snapshots with our tag that no AMI has, with size and time', async () => {
    await push(test.provider, createOperation(), image);
    await addSnapshot({ Name: 'of somebody' });
    const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'y'));
    const { ids } = await test.provider.upload(createOperation(), other);
    const [left, ...more] = await test.provider.listStaging(createOperation());
    assert.deepEqual(more, []);
    assert.ok(left);
    const { createdAt, ...rest } = left;
    assert.deepEqual(rest, {
      uuid: other.uuid,
      kind: 'snapshot in eu-west-1',
      id: ids['snapshot'],
      size: 1024 ** 3,
    });
    assert.ok(Math.abs((createdAt ?? 0) - Date.now()) < 60_000);
  });

  it('is listed over more pages than one', async () => {
    for (const fill of ['a', 'b', 'c']) {
      await test.provider.upload(createOperation(), await createPushedImage(folder, Buffer.alloc(BLOCK, fill)));
    }
    test.fake.behaviour.pageSize = 2;
    assert.equal((await test.provider.listStaging(createOperation())).length, 3);
  });

  it('is removed for one image only, and twice without harm', async () => {
    const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'y'));
    await test.provider.upload(createOperation(), other);
    const { ids } = await test.provider.upload(createOperation(), image);
    const theirs = await addSnapshot({ imagefactory_image: image.uuid });
    const removed = await test.provider.removeStaging(createOperation(), image.uuid);
    assert.deepEqual(removed, [`snapshot ${ids['snapshot']} in eu-west-1`]);
    assert.deepEqual(await test.provider.removeStaging(createOperation(), image.uuid), []);
    assert.equal(test.snapshots().length, 2);
    assert.ok(test.snapshots().includes(theirs));
  });

  it('keeps the snapshot that an AMI has, also when somebody else has registered it', async () => {
    const { ids } = await test.provider.upload(createOperation(), image);
    const snapshot = ids['snapshot'] ?? '';
    addImage(test.fake.region(REGION), test.fake.behaviour, {
      name: 'by hand',
      tags: new Map(),
      parameters: new Map(),
      snapshot,
    });
    assert.deepEqual(await test.provider.removeStaging(createOperation(), image.uuid), []);
    assert.deepEqual(await test.provider.listStaging(createOperation()), []);
  });

  it('is everything when the image is given up: AMIs in any state and region, and their snapshots', async () => {
    const many = await startEc2Test({ copyTo: ['us-east-1'] });
    try {
      await push(many.provider, createOperation(), image);
      const [copy] = many.images('us-east-1');
      assert.ok(copy);
      copy.state = 'pending';
      const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'y'));
      await push(many.provider, createOperation(), other);
      const users = { ...copy, id: 'ami-0', name: 'a copy that a user has made', snapshot: 'snap-theirs' };
      many.fake.region('us-east-1').images.set(users.id, users);
      assert.deepEqual(await many.provider.removeStaging(createOperation(), image.uuid), []);
      const removed = await many.provider.removeStaging(createOperation(), image.uuid, { everything: true });
      assert.deepEqual(
        removed.map((text) => text.replace(/ \S+ in/, '')),
        ['AMI eu-west-1', 'snapshot eu-west-1', 'AMI us-east-1', 'snapshot us-east-1'],
      );
      assert.equal(many.images().length, 1, 'the other image stays');
      assert.equal(many.images('us-east-1').length, 2, 'and the user’s copy');
      assert.deepEqual(await many.provider.removeStaging(createOperation(), image.uuid, { everything: true }), []);
    } finally {
      await many.close();
    }
  });

  it('is listed with an AMI that EC2 could not make, and its snapshot', async () => {
    test.fake.behaviour.imagesEnd = { state: 'failed', reason: 'no' };
    await assert.rejects(push(test.provider, createOperation(), image));
    assert.deepEqual(
      (await test.provider.listStaging(createOperation())).map(({ kind, uuid }) => [kind, uuid]),
      [
        ['AMI in eu-west-1', image.uuid],
        ['snapshot in eu-west-1', image.uuid],
      ],
    );
  });

  it('includes an AMI that EC2 could not make', async () => {
    test.fake.behaviour.imagesEnd = { state: 'failed', reason: 'no' };
    await assert.rejects(push(test.provider, createOperation(), image));
    const removed = await test.provider.removeStaging(createOperation(), image.uuid);
    assert.deepEqual(
      removed.map((text) => text.split(' ')[0]),
      ['AMI', 'snapshot'],
    );
    assert.equal(test.images().length + test.snapshots().length, 0);
  });
});

describe('the removal of a registered AMI', () => {
  it('takes its snapshot along, and finds nothing the second time', async () => {
    const registered = await push(test.provider, createOperation(), image);
    assert.equal((await test.provider.delete(createOperation(), registered)).length, 2);
    assert.equal(test.images().length + test.snapshots().length, 0);
    assert.deepEqual(await test.provider.delete(createOperation(), registered), []);
  });

  it('goes on after a lost reply to each call', async () => {
    for (let index = 0; index < 4; index++) {
      const registered = await push(test.provider, createOperation(), image);
      const heal = test.fake.server.fail({ kind: 'reset-after', match: {}, after: index });
      await test.provider.delete(createOperation(), registered);
      heal();
      assert.equal(test.images().length + test.snapshots().length, 0);
    }
  });

  it('keeps a snapshot that somebody else’s AMI has, says so, and goes on with the other regions', async () => {
    const many = await startEc2Test({ copyTo: ['us-east-1'] });
    try {
      const registered = await push(many.provider, createOperation(), image);
      const snapshot = many.snapshots('us-east-1')[0]?.id ?? '';
      const theirs = { name: 'by hand', tags: new Map<string, string>(), parameters: new Map<string, string>() };
      const user = addImage(many.fake.region('us-east-1'), many.fake.behaviour, { ...theirs, snapshot });
      const removed = await many.provider.delete(createOperation(), registered);
      assert.ok(removed.includes(`snapshot ${snapshot} in us-east-1 kept: in use by ${user}`));
      assert.equal(many.images().length + many.snapshots().length, 0);
      assert.equal(many.snapshots('us-east-1').length, 1);
    } finally {
      await many.close();
    }
  });

  it('removes the snapshot that is left when the AMI is gone already', async () => {
    const registered = await push(test.provider, createOperation(), image);
    test.fake.region(REGION).images.clear();
    assert.deepEqual(
      (await test.provider.delete(createOperation(), registered)).map((text) => text.split(' ')[0]),
      ['snapshot'],
    );
  });

  it('leaves an AMI and a snapshot without our tag alone', async () => {
    const registered = await push(test.provider, createOperation(), image);
    test.images()[0]?.tags.clear();
    await assert.rejects(test.provider.delete(createOperation(), registered), {
      type: 'Conflict',
      message: /has not the tag of imagefactory-nova/,
    });
    test.fake.region(REGION).images.clear();
    test.snapshots()[0]?.tags.clear();
    assert.deepEqual(await test.provider.delete(createOperation(), registered), []);
    assert.equal(test.snapshots().length, 1);
  });
});
