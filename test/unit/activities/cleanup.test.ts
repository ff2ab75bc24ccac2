import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { removeResources } from '../../../src/activities/cleanup.js';
import type { Deps } from '../../../src/activities/context.js';
import type { BuildRef } from '../../../src/build/names.js';

const REF: BuildRef = { uuid: 'u', cloud: 'c', workflowId: 'w' };

/** A cloud in which a build has an address and a key pair, and whose deletes of addresses may be done and never answered. */
class Remains {
  addresses = [{ id: 'f', floating_ip_address: '192.0.2.9' }];
  hasKey = true;
  answers = true;

  readonly deps = {
    clouds: {
      get: () => ({
        compute: {
          listServers: async () => [],
          getKeyPair: async () => (this.hasKey ? { name: 'k' } : undefined),
          deleteKeyPair: async () => void (this.hasKey = false),
        },
        network: {
          listFloatingIps: async () => this.addresses,
          deleteFloatingIp: () => {
            this.addresses = [];
            return this.answers ? Promise.resolve() : new Promise(() => undefined);
          },
          listSecurityGroups: async () => [],
        },
        image: { listImages: async () => [] },
        volume: { exists: async () => false },
      }),
    },
    store: { readRecord: async () => undefined, deleteDocument: async () => undefined },
    temporal: { workflow: { getHandle: () => ({ describe: () => Promise.reject(new Error('not here')) }) } },
    pollInterval: 1,
  } as unknown as Deps;
}

describe('the clean-up of a build', () => {
  it('reports what an earlier try had removed when its worker died', async () => {
    const remains = new Remains();
    remains.answers = false;
    const first = new MockActivityEnvironment();
    const dies = new Promise((resolve) => first.once('heartbeat', resolve));
    void first.run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
    const second = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: await dies });
    assert.deepEqual(remains.addresses, []);
    const report = await second.run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
    assert.deepEqual(report, { removed: ['floating IP 192.0.2.9', 'key pair imagefactory-key-u'], leftovers: [] });
  });
});
