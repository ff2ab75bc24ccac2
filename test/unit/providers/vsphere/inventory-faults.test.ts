import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { InventoryTarget } from './inventory-target.js';

/** Bytes: small, because many pushes are made. */
const DISK_SIZE = 5000;
/** Attempts that Temporal would make. */
const ATTEMPTS = 3;
const FAULTS: Record<string, { kind: FaultKind; times: number }> = {
  'no connection': { kind: { kind: 'reset-before' }, times: 1 },
  'a lost reply': { kind: { kind: 'reset-after' }, times: 1 },
  'an error of the server': { kind: { kind: 'status', status: 503 }, times: 1 },
  'many errors of the server, until the attempt fails': { kind: { kind: 'status', status: 500 }, times: 7 },
};

async function push(target: InventoryTarget): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await target.push();
      return;
    } catch (error) {
      if (!(error instanceof FactoryError) || !error.retryable || attempt === ATTEMPTS) throw error;
    }
  }
}

describe('a push into the inventory makes one template', () => {
  for (const [name, { kind, times }] of Object.entries(FAULTS)) {
    it(`with ${name} at any call`, async () => {
      let calls = 1;
      for (let after = 0; after < calls; after++) {
        const target = await InventoryTarget.create({ size: DISK_SIZE });
        try {
          const remove = target.fake.server.fail({ ...kind, match: {}, after, times });
          await push(target);
          remove();
          if (after === 0) calls = target.fake.server.log.count();
          const where = `after ${after} calls`;
          assert.equal(target.fake.machines.size, 1, where);
          const [machine] = target.fake.machines.values();
          assert.equal(machine?.isTemplate, true, where);
          assert.match(machine?.annotation ?? '', /imagefactory_state=registered/, where);
          assert.ok(machine?.disks[0]?.content?.equals(target.disk), where);
          const removed = await target.with((one) => one.removeStaging(target.operation(), target.image.uuid));
          assert.deepEqual(removed, [], where);
        } finally {
          await target.close();
        }
      }
    });
  }
});
