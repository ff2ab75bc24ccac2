import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { CONNECTIONS } from '../../../../src/providers/ec2/aws.js';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { BLOCK, type Ec2Test, push, readDisk, startEc2Test } from '../../../support/providers/ec2.js';

/** More blocks than there are connections, so that an attempt can end in the middle. */
const MANY = CONNECTIONS * 2 + 8;
const FEW = 6;
const LARGE = createDisk({ blocks: MANY, blockSize: BLOCK, data: [...Array(MANY).keys()] });
const SMALL = LARGE.subarray(0, FEW * BLOCK);
const PUT = { method: 'PUT', path: /\/blocks\// };

let folder: string;
let large: PushedImage;
let image: PushedImage;
let test: Ec2Test;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ec2-'));
  large = await createPushedImage(folder, LARGE);
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  test = await startEc2Test();
  image = await createPushedImage(folder, SMALL);
});
afterEach(() => test.close());

const puts = (): number => test.fake.performed.filter((action) => action === 'ebs:PutSnapshotBlock').length;

function assertDone(disk = SMALL): void {
  const [snapshot, ...others] = test.snapshots();
  assert.ok(snapshot && others.length === 0);
  assert.ok(readDisk(snapshot, disk.length).equals(disk));
  assert.equal(snapshot.state, 'completed');
}

/** The number of blocks in a note. */
function countBits(note: string): number {
  const { blocks } = JSON.parse(note) as { blocks: string };
  return [...Buffer.from(blocks, 'base64')].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
}

/** Uploads until so many blocks were confirmed, then stops as if the worker were told to. */
async function uploadPart(notes: Map<string, string>, blocks: number, what = image): Promise<void> {
  const stop = new AbortController();
  const operation = createOperation({
    notes,
    signal: stop.signal,
    onReport: () => {
      if (puts() >= blocks) stop.abort(new Error('the attempt is over'));
    },
  });
  await assert.rejects(test.provider.upload(operation, what), /the attempt is over/);
}

describe('an upload to EBS goes on where the last attempt stopped', () => {
  for (const [part, blocks] of [
    ['first', 1],
    ['middle', CONNECTIONS + 4],
    ['last', MANY],
  ] as const) {
    it(`with its notes, after a stop in the ${part} part: no more than a block a connection twice`, async () => {
      const notes = new Map<string, string>();
      await uploadPart(notes, blocks, large);
      const { sent } = await test.provider.upload(createOperation({ notes }), large);
      assertDone(LARGE);
      assert.ok(puts() <= MANY + CONNECTIONS, `${puts()} blocks for ${MANY}`);
      assert.ok(sent <= (MANY - blocks + CONNECTIONS) * BLOCK);
    });
  }

  for (const [part, blocks] of [
    ['first', 1],
    ['middle', FEW / 2],
    ['last', FEW],
  ] as const) {
    it(`without notes, after a stop in the ${part} part: it sends blocks again into the same snapshot`, async () => {
      await uploadPart(new Map(), blocks);
      const [first] = test.snapshots();
      await test.provider.upload(createOperation(), image);
      assertDone();
      assert.equal(test.snapshots()[0]?.id, first?.id);
    });
  }

  it('at whatever moment it is killed: EBS has at most one block a connection that is not noted', async () => {
    let noted = 0;
    let worst = 0;
    const compare = (): void => {
      worst = Math.max(worst, puts() - noted);
    };
    const operation = createOperation({ onReport: compare });
    const write = async (_name: string, text: string): Promise<void> => {
      // A slow store, to which more blocks come while it writes.
      await new Promise((resolve) => setTimeout(resolve, 5));
      compare();
      noted = countBits(text);
    };
    await test.provider.upload({ ...operation, notes: { read: async () => undefined, write } }, large);
    assert.equal(noted, MANY);
    assert.ok(worst > 0 && worst <= CONNECTIONS, `${worst}`);
  });

  it('when the connection was cut in the middle of a block', async () => {
    test.fake.server.cutRequest(PUT, BLOCK / 2);
    await test.provider.upload(createOperation(), image);
    assertDone();
  });

  it('when the reply to the completion was lost with the notes, it sends nothing and waits', async () => {
    test.fake.behaviour.completeAfter = 40;
    const completion = { method: 'POST', path: /\/completion\// };
    const stop = new AbortController();
    const operation = createOperation({
      signal: stop.signal,
      onReport: ({ message }) => {
        if (message.startsWith('EBS completes')) stop.abort(new Error('killed'));
      },
    });
    test.fake.server.fail({ kind: 'reset-after', match: completion });
    await assert.rejects(test.provider.upload(operation, image), /killed/);
    const before = puts();
    await test.provider.upload(createOperation(), image);
    assert.equal(puts(), before, 'EBS refuses blocks of a sealed snapshot');
    assertDone();
  });

  it('with notes that promise a block that EBS has not: it finds that out, and begins anew', async () => {
    const notes = new Map<string, string>();
    await uploadPart(notes, 2);
    const [snapshot] = test.snapshots();
    assert.ok(snapshot);
    const all = Buffer.alloc(Math.ceil(FEW / 8), 0xff).toString('base64');
    notes.set('ec2-blocks', JSON.stringify({ snapshot: snapshot.id, blocks: all }));
    await assert.rejects(test.provider.upload(createOperation({ notes }), image), {
      type: 'ImageFailed',
      retryable: true,
    });
    await test.provider.upload(createOperation({ notes }), image);
    assertDone();
    assert.notEqual(test.snapshots()[0]?.id, snapshot.id);
  });

  it('with notes that cannot be read', async () => {
    for (const text of ['{', '{"snapshot":1}', 'null']) {
      await test.provider.upload(createOperation({ notes: new Map([['ec2-blocks', text]]) }), image);
    }
    assertDone();
  });

  it('never with the bytes of another source: that gets a snapshot and an AMI of its own', async () => {
    await uploadPart(new Map(), 2);
    const other = await createPushedImage(folder, Buffer.alloc(BLOCK, 'other'), { uuid: image.uuid });
    const registered = await push(test.provider, createOperation(), other);
    image = await createPushedImage(folder, SMALL, { uuid: image.uuid });
    const mine = await push(test.provider, createOperation(), image);
    assert.notEqual(registered.id, mine.id);
    const disks = test.images().map(({ snapshot }) => test.fake.region('eu-west-1').snapshots.get(snapshot));
    assert.deepEqual(
      disks.map((disk) => disk?.blocks.size),
      [1, FEW],
    );
  });

  it('after somebody has deleted the snapshot of the first attempt', async () => {
    await uploadPart(new Map(), 2);
    const [first] = test.snapshots();
    assert.ok(first);
    test.fake.region('eu-west-1').snapshots.delete(first.id);
    await test.provider.upload(createOperation(), image);
    assertDone();
    assert.notEqual(test.snapshots()[0]?.id, first.id);
  });

  it('after EBS has given up the snapshot of the first attempt, which is deleted', async () => {
    await uploadPart(new Map(), 2);
    const [first] = test.snapshots();
    assert.ok(first);
    first.state = 'error';
    await test.provider.upload(createOperation(), image);
    assertDone();
  });

  it('on another worker, whose tags would be others', async () => {
    await uploadPart(new Map(), 2);
    await test.provider.upload({ ...createOperation(), creator: 'other:2' }, image);
    assertDone();
  });

  it('while the last attempt still runs, on the same worker or on another: one AMI', async () => {
    for (const creator of ['test:1', 'other:2']) {
      const other = await createPushedImage(folder, SMALL);
      const operations = [createOperation(), { ...createOperation(), creator }];
      const [one, two] = await Promise.all(operations.map((operation) => push(test.provider, operation, other)));
      assert.equal(one?.id, two?.id);
      await test.provider.removeStaging(createOperation(), other.uuid);
      assertDone();
      await test.provider.delete(createOperation(), one as RegisteredImage);
    }
  });

  it('not at all when it is done: it only looks', async () => {
    await test.provider.upload(createOperation(), image);
    const before = puts();
    const { sent } = await test.provider.upload(createOperation(), image);
    assert.equal(sent, 0);
    assert.equal(puts(), before);
  });
});

describe('the upload rate', () => {
  it('is asked for before each block', async () => {
    const pauses: number[] = [];
    const operation = createOperation({ uploadRate: BLOCK });
    const small = await createPushedImage(folder, SMALL.subarray(0, 3 * BLOCK));
    await test.provider.upload({ ...operation, sleep: async (ms) => void pauses.push(ms) }, small);
    const long = pauses.filter((ms) => ms > 500);
    assert.equal(long.length, 2, 'the first block goes at once');
    assert.ok(Math.max(...long) > 1500);
  });
});
