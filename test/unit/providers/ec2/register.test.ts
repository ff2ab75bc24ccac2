import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { amiName } from '../../../../src/providers/ec2/names.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { addImage } from '../../../fakes/providers/ec2/images.js';
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

describe('what stops a push to EC2', () => {
  it('a snapshot that ends in error, with what EBS says; the next attempt makes another', async () => {
    test.fake.behaviour.snapshotsFail = 'the key is disabled';
    await assert.rejects(push(test.provider, createOperation(), image), {
      type: 'ImageFailed',
      retryable: true,
      message: /the state error: the key is disabled/,
    });
    test.fake.behaviour.snapshotsFail = undefined;
    await push(test.provider, createOperation(), image);
    assert.equal(test.snapshots().length, 1);
  });

  it('snapshots that fail again and again, of which only the last is left', async () => {
    test.fake.behaviour.snapshotsFail = 'the key is disabled';
    for (let attempt = 1; attempt <= 3; attempt++) {
      await assert.rejects(push(test.provider, createOperation(), image), /key is disabled/);
      assert.equal(test.snapshots().length, 1);
    }
  });

  for (const state of ['failed', 'error', 'invalid', 'deregistered', 'disabled']) {
    it(`an AMI that ends as ${state}, with EC2’s reason`, async () => {
      test.fake.behaviour.imagesEnd = { state, reason: 'Client.InternalError: no such kernel' };
      await assert.rejects(push(test.provider, createOperation(), image), {
        type: 'ImageFailed',
        retryable: false,
        message: new RegExp(`\\(${state}\\): Client.InternalError: no such kernel`),
      });
      assert.equal(await test.provider.find(createOperation(), image), undefined);
    });
  }

  it('somebody else’s AMI under the name: Conflict, and that AMI stays', async () => {
    const region = test.fake.region(REGION);
    const theirs = addImage(region, test.fake.behaviour, {
      name: amiName(image),
      tags: new Map([['imagefactory_tool', 'imagefactory-nova']]),
      parameters: new Map(),
      snapshot: 'snap-theirs',
    });
    await assert.rejects(push(test.provider, createOperation(), image), {
      type: 'Conflict',
      message: new RegExp(`is that of ${theirs}, which this push has not made`),
    });
    await test.provider.removeStaging(createOperation(), image.uuid);
    assert.deepEqual([...region.images.keys()], [theirs]);
    assert.equal(region.snapshots.size, 0);
  });

  it('a snapshot that was deleted before it was registered', async () => {
    const uploaded = await test.provider.upload(createOperation(), image);
    test.fake.region(REGION).snapshots.clear();
    await assert.rejects(test.provider.register(createOperation(), image, uploaded), { type: 'NotFound' });
  });

  it('an image that EC2 cannot start', async () => {
    const arm = await createPushedImage(folder, Buffer.alloc(BLOCK, 'x'), {
      os: { name: 'Debian', version: '12', arch: 'aarch64' },
      firmware: 'bios',
    });
    await assert.rejects(push(test.provider, createOperation(), arm), {
      type: 'ImageFailed',
      message: /start by UEFI only/,
      hint: /firmware uefi/,
    });
    assert.equal(test.snapshots().length, 0, 'nothing was sent');
  });
});

describe('a second registration', () => {
  for (const state of ['failed', 'error', 'invalid']) {
    it(`replaces an AMI that has ended as ${state}`, async () => {
      test.fake.behaviour.imagesEnd = { state, reason: 'no' };
      await assert.rejects(push(test.provider, createOperation(), image), { type: 'ImageFailed' });
      const [dead] = test.images();
      test.fake.behaviour.imagesEnd = { state: 'available', reason: '' };
      const registered = await push(test.provider, createOperation(), image);
      assert.notEqual(registered.id, dead?.id);
      assert.deepEqual(
        test.images().map(({ id }) => id),
        [registered.id],
      );
    });
  }

  it('waits until EC2 knows the new snapshot', async () => {
    test.fake.behaviour.unknownSources = 8;
    await push(test.provider, createOperation(), image);
    assert.equal(test.images().length, 1);
  });

  it('finds the AMI of the first, and changes nothing', async () => {
    const first = await push(test.provider, createOperation(), image);
    const uploaded = { ids: { snapshot: first.resources[0]?.id ?? '' }, sent: 0, verifiedBy: 'x' };
    const second = await test.provider.register(createOperation(), image, uploaded);
    assert.equal(second.id, first.id);
    assert.equal(test.fake.performed.filter((action) => action === 'ec2:RegisterImage').length, 1);
    assert.deepEqual((await test.provider.find(createOperation(), image))?.id, first.id);
  });

  it('trusts only what has the marks of these bytes', async () => {
    await push(test.provider, createOperation(), image);
    const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'y'), { uuid: image.uuid });
    assert.equal(await test.provider.find(createOperation(), other), undefined);
    const [ami] = test.images();
    assert.ok(ami);
    test.fake.region(REGION).images.set('ami-0', { ...ami, id: 'ami-0', name: 'a copy that a user has made' });
    assert.equal((await test.provider.find(createOperation(), image))?.id, ami.id);
    ami.tags = new Map();
    assert.equal(await test.provider.find(createOperation(), image), undefined);
  });
});

describe('an AMI in more regions', () => {
  const ELSEWHERE = 'us-east-1';

  it('is copied once to each, with tags on the AMI and its snapshot', async () => {
    const many = await startEc2Test({ copyTo: [ELSEWHERE, REGION, 'eu-central-1'] });
    try {
      const registered = await push(many.provider, createOperation(), image);
      const [copy] = many.images(ELSEWHERE);
      const [disk] = many.snapshots(ELSEWHERE);
      assert.ok(copy && disk);
      assert.equal(copy.state, 'available');
      assert.equal(copy.tags.get('imagefactory_image'), image.uuid);
      assert.equal(disk.tags.get('imagefactory_image'), image.uuid);
      assert.equal(many.images().length, 1, 'the first region is not copied to itself');
      assert.deepEqual(
        registered.resources.map(({ kind }) => kind),
        ['snapshot', 'copied AMI', 'copied snapshot', 'copied AMI', 'copied snapshot'],
      );
      assert.deepEqual(await push(many.provider, createOperation(), image), {
        ...registered,
        verifiedBy: 'the AMI has the snapshot whose blocks EBS has checked',
      });
      await many.provider.share?.(createOperation(), registered, ['111122223333']);
      assert.deepEqual([...copy.launchPermissions], ['111122223333']);
      const removed = await many.provider.delete(createOperation(), registered);
      assert.equal(removed.length, 6);
      for (const region of [REGION, ELSEWHERE, 'eu-central-1']) {
        assert.equal(many.images(region).length + many.snapshots(region).length, 0);
      }
    } finally {
      await many.close();
    }
  });

  it('is copied once when the reply to the copy was lost', async () => {
    const many = await startEc2Test({ copyTo: [ELSEWHERE] });
    try {
      const uploaded = await many.provider.upload(createOperation(), image);
      // Find, register, wait, then the copy: its call is the one after the search in the other region.
      many.fake.server.fail({ kind: 'reset-after', match: {}, after: 5 });
      await many.provider.register(createOperation(), image, uploaded);
      assert.equal(many.images(ELSEWHERE).length, 1);
      const copies = many.fake.performed.filter((action) => action === 'ec2:CopyImage');
      assert.equal(copies.length, 2, 'the reply of the copy was lost');
    } finally {
      await many.close();
    }
  });

  it('is copied again when a copy has failed, or was deregistered before it was available', async () => {
    const many = await startEc2Test({ copyTo: [ELSEWHERE] });
    try {
      const uploaded = await many.provider.upload(createOperation(), image);
      await many.provider.register(createOperation(), image, uploaded);
      const ids: (string | undefined)[] = [];
      const endCopy = (end: () => void): void => {
        ids.push(many.images(ELSEWHERE)[0]?.id);
        end();
      };
      endCopy(() => many.images(ELSEWHERE).forEach((copy) => (copy.state = 'failed')));
      await many.provider.register(createOperation(), image, uploaded);
      endCopy(() => many.fake.region(ELSEWHERE).images.clear());
      await many.provider.register(createOperation(), image, uploaded);
      endCopy(() => many.fake.region(ELSEWHERE).images.clear());
      const last = await many.provider.register(createOperation(), image, uploaded);
      endCopy(() => undefined);
      assert.equal(new Set(ids).size, 4);
      assert.equal(many.images(ELSEWHERE).length, 1);
      assert.ok(last.resources.some(({ id }) => id === `${ELSEWHERE}/${ids[3]}`));
    } finally {
      await many.close();
    }
  });

  it('is copied when EC2 knows the first AMI a little later', async () => {
    const many = await startEc2Test({ copyTo: [ELSEWHERE] });
    try {
      const uploaded = await many.provider.upload(createOperation(), image);
      await many.provider.register(createOperation(), image, uploaded);
      many.fake.region(ELSEWHERE).images.clear();
      many.fake.region(ELSEWHERE).tokens.clear();
      many.fake.behaviour.unknownSources = 8;
      await many.provider.register(createOperation(), image, uploaded);
      assert.equal(many.images(ELSEWHERE).length, 1);
    } finally {
      await many.close();
    }
  });

  it('is shared with nobody when an account is none', async () => {
    const registered = await push(test.provider, createOperation(), image);
    await assert.rejects(async () => test.provider.share?.(createOperation(), registered, ['team']), {
      type: 'InvalidParameter',
      message: 'team is no account of AWS',
    });
    const organization = 'arn:aws:organizations::123456789012:organization/o-abc';
    await test.provider.share?.(createOperation(), registered, ['1111-2222-3333', organization]);
    assert.deepEqual([...(test.images()[0]?.launchPermissions ?? [])], ['111122223333', organization]);
  });
});
