import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { removeResources } from '../../../../src/activities/cleanup/remove-resources.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { BuildRef } from '../../../../src/domain/names.js';

const REF: BuildRef = { uuid: 'u', cloud: 'c', workflowId: 'w' };

/**
 * A cloud in which a build has a floating IP and a key pair. When `answers` is false, a delete of a floating IP takes
 * effect but never returns.
 */
class Remains {
  addresses = [{ id: 'f', floating_ip_address: '192.0.2.9' }];
  hasKey = true;
  answers = true;
  /** Ids of instances that cannot be deleted: each delete takes `hangs` milliseconds and then fails. */
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
        getProjectId: async () => 'p',
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

/** Creates an activity attempt that may take half an hour; all attempts of the activity together may take an hour. */
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

describe('removing the resources of a build', () => {
  it('reports also what an earlier attempt removed before its worker died', async () => {
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

  it('removes the floating IP and the key pair and ends in time when each instance delete hangs before it fails', async () => {
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

  it('names the resources that it had no time to remove', async () => {
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
