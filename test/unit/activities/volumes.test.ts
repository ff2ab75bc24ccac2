import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../src/activities/context.js';
import { removeVolume } from '../../../src/activities/volumes.js';

/** A Cinder with one volume, whose states come one after the other; undefined: it has gone. */
function depsOf(states: (string | undefined)[], deleted: string[] = []): Deps {
  const volume = {
    getVolume: async (id: string) => {
      const status = states.length > 1 ? states.shift() : states[0];
      return status === undefined ? undefined : { id, status };
    },
    deleteVolume: async (id: string) => void deleted.push(id),
    messagesOf: async () => ['delete volume:Volume is in use somewhere'],
  };
  return { clouds: { get: () => ({ volume }) }, pollInterval: 1 } as unknown as Deps;
}

function remove(deps: Deps): Promise<void> {
  return new MockActivityEnvironment().run(() => removeVolume(deps, 'c', 'v'));
}

describe('a volume that is no longer needed', () => {
  it('is deleted once, and waited for until it has gone', async () => {
    const deleted: string[] = [];
    await remove(depsOf(['available', 'deleting', 'deleting', undefined], deleted));
    assert.deepEqual(deleted, ['v']);
  });

  it('is not asked for again where Cinder has failed to delete it: it would refuse', async () => {
    const deleted: string[] = [];
    await assert.rejects(remove(depsOf(['error_deleting'], deleted)), { type: 'VolumeFailed' });
    assert.deepEqual(deleted, []);
  });

  it('that cannot be deleted is said to be so, in Cinder’s words', async () => {
    await assert.rejects(remove(depsOf(['available', 'deleting', 'error_deleting'])), {
      type: 'VolumeFailed',
      message: 'volume v cannot be deleted (delete volume:Volume is in use somewhere)',
    });
  });
});
