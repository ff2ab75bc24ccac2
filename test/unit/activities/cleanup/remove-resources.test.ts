import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { removeResources } from '../../../../src/activities/cleanup/remove-resources.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { BuildRef } from '../../../../src/domain/names.js';

const REF: BuildRef = { uuid: 'u', cloud: 'c', workflowId: 'w' };

/**
 * A cloud in which a build has an address and a key pair, and whose deletes of addresses may be done and never
 * answered.
 */
class Remains {
  addresses = [{ id: 'f', floating_ip_address: '192.0.2.9' }];
  hasKey = true;
  answers = true;
  /** Ids of instances, which stay: Nova takes its time to fail when it is asked to delete one. */
  servers: string[] = [];
  hangs = 0;
  documents = ['login key', 'host key'];

  readonly deps = {
    clouds: {
      get: () => ({
        compute: {
          listServers: async () => this.servers.map((id) => ({ id, status: 'ACTIVE' })),
          deleteServer: async () => {
            mock.timers.tick(this.hangs);
            throw new FactoryError('CloudUnavailable', 'Nova did not answer', { retryable: true });
          },
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
        volume: { isAvailable: async () => false },
      }),
    },
    store: { readRecord: async () => undefined, deleteDocument: async () => void this.documents.pop() },
    temporal: { workflow: { getHandle: () => ({ describe: () => Promise.reject(new Error('not here')) }) } },
    pollInterval: 1,
  } as unknown as Deps;
}

const MINUTE = 60_000;

/** A try that may take half an hour, of a step that may take an hour. */
function inTime(more: Record<string, unknown> = {}): MockActivityEnvironment {
  const now = Date.now();
  return new MockActivityEnvironment({
    scheduledTimestampMs: now,
    currentAttemptScheduledTimestampMs: now,
    scheduleToCloseTimeoutMs: 60 * MINUTE,
    startToCloseTimeoutMs: 30 * MINUTE,
    ...more,
  });
}

describe('the clean-up of a build', () => {
  it('reports what an earlier try had removed when its worker died', async () => {
    const remains = new Remains();
    remains.answers = false;
    const first = inTime();
    const dies = new Promise((resolve) => first.once('heartbeat', resolve));
    void first.run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
    const second = inTime({ attempt: 2, heartbeatDetails: await dies });
    assert.deepEqual(remains.addresses, []);
    const report = await second.run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
    assert.deepEqual(report, { removed: ['floating IP 192.0.2.9', 'key pair imagefactory-key-u'], leftovers: [] });
  });

  it('comes to what an instance holds, and to its end, in time where the cloud hangs instead of refusing', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      const remains = new Remains();
      Object.assign(remains, { servers: ['one', 'two'], hangs: 2 * MINUTE });
      const began = Date.now();
      const report: unknown = await inTime().run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
      assert.deepEqual(report, {
        removed: ['floating IP 192.0.2.9', 'key pair imagefactory-key-u'],
        leftovers: ['instance one: Nova did not answer', 'instance two: Nova did not answer'],
      });
      assert.ok(Date.now() - began < 30 * MINUTE);
      assert.deepEqual(remains.documents, []);
    } finally {
      mock.timers.reset();
    }
  });

  it('names what it had no time to try', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      const remains = new Remains();
      Object.assign(remains, { servers: ['one'], hangs: 28 * MINUTE });
      const report = await inTime().run(() => removeResources(remains.deps, { ref: REF, keepImages: [] }));
      const { leftovers } = report as { leftovers: string[] };
      assert.deepEqual(leftovers, [
        'instance one: Nova did not answer',
        'floating IP 192.0.2.9: there was no time left to remove it',
        'key pair imagefactory-key-u: there was no time left to remove it',
      ]);
    } finally {
      mock.timers.reset();
    }
  });
});
