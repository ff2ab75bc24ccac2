import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { KEYS, TOOL } from '../../../../src/domain/names.js';
import type { Volume } from '../../../../src/openstack/types.js';
import { findVolume, listOwnVolumes, removeVolume } from '../../../../src/activities/instance/volumes.js';

/** Creates a Cinder with one volume. Each read returns the volume's next state; undefined when the volume is gone. */
function depsOf(states: (string | undefined)[], deleted: string[] = []): Deps {
  const volume = {
    getVolume: async (id: string) => {
      const status = states.length > 1 ? states.shift() : states[0];
      return status === undefined ? undefined : { id, status };
    },
    deleteVolume: async (id: string) => void deleted.push(id),
    listMessages: async () => ['delete volume:Volume is in use somewhere'],
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

  it('is not deleted before Cinder has created it, because Cinder would refuse', async () => {
    const deleted: string[] = [];
    await remove(depsOf(['creating', 'downloading', 'available', 'deleting', undefined], deleted));
    assert.deepEqual(deleted, ['v']);
  });

  it('is an error at the deadline when Cinder never finishes creating it', async () => {
    const late = new MockActivityEnvironment().run(() => removeVolume(depsOf(['creating']), 'c', 'v', Date.now()));
    await assert.rejects(late, {
      type: 'DeadlineExceeded',
      message: /volume v cannot be deleted while it is creating/,
    });
  });

  it('is not deleted again after Cinder has failed to delete it, because Cinder would refuse', async () => {
    const deleted: string[] = [];
    await assert.rejects(remove(depsOf(['error_deleting'], deleted)), { type: 'VolumeFailed' });
    assert.deepEqual(deleted, []);
  });

  it('is an error with Cinder’s message when Cinder fails to delete it', async () => {
    await assert.rejects(remove(depsOf(['available', 'deleting', 'error_deleting'])), {
      type: 'VolumeFailed',
      message: 'volume v cannot be deleted (delete volume:Volume is in use somewhere)',
    });
  });
});

/** Creates a Cinder whose list calls return `lists` in turn. A list has the states of its volumes, oldest first. */
function listing(lists: string[][], deleted: string[]): Deps {
  const volume = {
    listVolumes: async () => {
      const states = (lists.length > 1 ? lists.shift() : lists[0]) ?? [];
      return states.map((status, age) => ({
        id: `v${age}`,
        status,
        metadata: { [KEYS.tool]: TOOL },
        created_at: `2026-01-01T00:00:0${age}`,
      }));
    },
    deleteVolume: async (id: string) => void deleted.push(id),
  };
  return { clouds: { get: () => ({ volume }) }, pollInterval: 1 } as unknown as Deps;
}

describe('of two volumes with one name, made by two attempts', () => {
  it('the younger is deleted when Cinder has finished creating it, and the older stays', async () => {
    const deleted: string[] = [];
    const lists = [['creating', 'creating'], ['available', 'downloading'], ['available', 'available']]; // prettier-ignore
    const found: unknown = await new MockActivityEnvironment().run(() => findVolume(listing(lists, deleted), 'c', 'n'));
    assert.equal((found as Volume).id, 'v0');
    assert.deepEqual(deleted, ['v1']);
  });
});

describe('a volume with our marks', () => {
  const list = (metadata: Record<string, string>): Promise<Volume[]> => {
    const volume = {
      listVolumes: async () => [{ id: 'v', metadata: { [KEYS.tool]: TOOL, ...metadata } } as unknown as Volume],
    };
    return listOwnVolumes({ clouds: { get: () => ({ volume }) } } as unknown as Deps, 'c');
  };

  it('is ours when it carries its own id, or no id because it was made just now', async () => {
    assert.equal((await list({ [KEYS.id]: 'v' })).length, 1);
    assert.equal((await list({})).length, 1);
  });

  it('is not ours when it carries the id of another volume: it is a restored backup', async () => {
    assert.deepEqual(await list({ [KEYS.id]: 'other' }), []);
  });

  it('is not ours when it has only the name of our volume', async () => {
    assert.deepEqual(await list({ [KEYS.tool]: '' }), []);
  });
});
