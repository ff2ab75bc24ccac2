import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { FakeContentLibrary } from '../../../fakes/providers/vsphere/fake-content-library.js';
import { createOperation } from '../../../support/providers/operation.js';
import { LibraryTarget } from './library-target.js';

/** Bytes: small, because many pushes are made. */
const DISK_SIZE = 5000;
/** Attempts that Temporal would make. */
const ATTEMPTS = 3;
const FAULTS: Record<string, { kind: FaultKind; times: number }> = {
  'no connection': { kind: { kind: 'reset-before' }, times: 1 },
  'a lost reply': { kind: { kind: 'reset-after' }, times: 1 },
  'an error of the server': { kind: { kind: 'status', status: 503 }, times: 1 },
  'too many requests': { kind: { kind: 'status', status: 429 }, times: 1 },
  'many errors of the server, until the attempt fails': { kind: { kind: 'status', status: 500 }, times: 7 },
};

async function push(target: LibraryTarget): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await target.push(createOperation());
      return;
    } catch (error) {
      if (!(error instanceof FactoryError) || !error.retryable || attempt === ATTEMPTS) throw error;
    }
  }
}

describe('a push to a content library makes one image', () => {
  for (const [name, { kind, times }] of Object.entries(FAULTS)) {
    it(`with ${name} at any call`, async () => {
      let calls = 1;
      for (let after = 0; after < calls; after++) {
        const target = await LibraryTarget.create(new FakeContentLibrary(), DISK_SIZE);
        try {
          const remove = target.fake.server.fail({ ...kind, match: {}, after, times });
          await push(target);
          remove();
          if (after === 0) calls = target.fake.server.log.count();
          const where = `after ${after} calls`;
          assert.equal(target.fake.items.size, 1, where);
          const [item] = target.fake.items.values();
          assert.match(item?.description ?? '', /imagefactory_state=registered/, where);
          const disk = item?.files.find(({ name: file }) => file.endsWith('.vmdk'));
          assert.ok(disk?.content.equals(target.disk), where);
          const active = [...target.fake.sessions.sessions.values()].filter(({ state }) => state === 'ACTIVE');
          assert.equal(active.length, 0, where);
          const removed = await target.with((provider) => provider.removeStaging(createOperation(), target.image.uuid));
          assert.deepEqual(removed, [], where);
        } finally {
          await target.close();
        }
      }
    });
  }
});
