import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { createOperation, type TestOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { BLOCK, type Ec2Test, push, readDisk, startEc2Test } from '../../../support/providers/ec2.js';

/** Tries of one call in one attempt: more faults end the attempt. */
const TRIES = 5;
const DISK = createDisk({ blocks: 4, blockSize: BLOCK, data: [0, 1, 3] });

const KINDS: { name: string; fault: FaultKind; times: number[] }[] = [
  { name: 'a lost reply', fault: { kind: 'reset-after' }, times: [1, TRIES] },
  { name: 'a connection that breaks before the call', fault: { kind: 'reset-before' }, times: [1] },
  { name: 'a 503', fault: { kind: 'status', status: 503 }, times: [TRIES] },
  { name: 'a 429 with Retry-After', fault: { kind: 'status', status: 429, retryAfter: 1 }, times: [1] },
];

let folder: string;
/** Calls of an undisturbed push. */
let calls: number;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ec2-'));
  const test = await startEc2Test();
  await push(test.provider, createOperation(), await createPushedImage(folder, DISK));
  calls = test.fake.server.log.count();
  await test.close();
});
after(() => rm(folder, { recursive: true }));

/** Runs attempts as Temporal does: each with an Operation of its own, with or without the notes of the one before. */
async function pushUntilDone(test: Ec2Test, image: PushedImage, notes?: Map<string, string>): Promise<RegisteredImage> {
  for (let attempt = 1; ; attempt++) {
    const operation: TestOperation = createOperation(notes === undefined ? {} : { notes });
    try {
      return await push(test.provider, operation, image);
    } catch (error) {
      assert.ok(error instanceof FactoryError, String(error));
      assert.ok(error.retryable && attempt < 5, `${error.type}: ${error.message}`);
    }
  }
}

async function assertOneImage(test: Ec2Test, image: PushedImage, registered: RegisteredImage): Promise<void> {
  const [ami] = test.images();
  assert.equal(test.images().length, 1);
  assert.equal(registered.id, ami?.id);
  assert.equal(ami?.state, 'available');
  const [snapshot] = test.snapshots();
  assert.equal(test.snapshots().length, 1, 'no second snapshot was made');
  assert.deepEqual(await test.provider.removeStaging(createOperation(), image.uuid), [], 'nothing is left over');
  assert.ok(snapshot);
  assert.equal(snapshot.id, ami?.snapshot);
  assert.deepEqual(readDisk(snapshot, DISK.length), DISK);
}

describe('a push to EC2 ends with one AMI and the right bytes', () => {
  for (const { name, fault, times: each } of KINDS) {
    for (const times of each) {
      it(`after ${name}, ${times === 1 ? 'once' : 'until the attempt ends'}, at each call`, async () => {
        const image = await createPushedImage(folder, DISK);
        for (let index = 0; index < calls; index++) {
          const test = await startEc2Test();
          try {
            const heal = test.fake.server.fail({ ...fault, match: {}, after: index, times });
            const registered = await pushUntilDone(test, image, index % 2 === 0 ? new Map() : undefined);
            heal();
            await assertOneImage(test, image, registered);
          } finally {
            await test.close();
          }
        }
      });
    }
  }

  it('when things become visible late, and EBS does not know its new snapshot yet', async () => {
    const test = await startEc2Test();
    try {
      Object.assign(test.fake.behaviour, { visibleAfter: 3, unknownPuts: 4 });
      const image = await createPushedImage(folder, DISK);
      await assertOneImage(test, image, await pushUntilDone(test, image));
    } finally {
      await test.close();
    }
  });

  it('when a page of a proxy answers instead of EC2', async () => {
    const test = await startEc2Test();
    try {
      test.fake.server.fail({ kind: 'status', status: 502, message: '<html>Bad Gateway</html>', match: {}, times: 3 });
      const image = await createPushedImage(folder, DISK);
      await assertOneImage(test, image, await pushUntilDone(test, image));
    } finally {
      await test.close();
    }
  });
});
