import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { watchCapture, watchServer } from '../../../../src/activities/shared/watch-resource.js';
import { SharedPoll } from '../../../../src/openstack/polling/shared-poll.js';
import type { Server } from '../../../../src/openstack/types.js';

/** A poll whose list calls return `lists` in turn; `ended` has the ids whose waits have ended. */
class ListedStates extends SharedPoll<Server> {
  readonly ended: string[] = [];

  constructor(lists: string[][]) {
    const items = (states: string[]): Server[] => states.map((status) => ({ id: 's', status }) as Server);
    super(async () => items((lists.length > 1 ? lists.shift() : lists[0]) ?? []), { shortest: 1, longest: 1 });
  }

  override stopWaiting(id: string): void {
    super.stopWaiting(id);
    this.ended.push(id);
  }
}

function depsOf(servers: ListedStates, images = new ListedStates([['active']])): Deps {
  const compute = { getServer: async () => undefined };
  const image = { getImage: async (id: string) => ({ id, status: 'saving' }) };
  return { watch: () => ({ cloud: { compute, image }, servers, images }) } as unknown as Deps;
}

describe('a watched resource', () => {
  it('is checked once per poll until a check returns a result; then the wait ends', async () => {
    const servers = new ListedStates([['BUILD'], ['BUILD'], ['ACTIVE']]);
    const seen: (string | undefined)[] = [];
    const result: unknown = await new MockActivityEnvironment().run(() =>
      watchServer(depsOf(servers), 'c', 's', (server) => {
        seen.push(server?.status);
        return server?.status === 'ACTIVE' ? server.id : undefined;
      }),
    );
    assert.equal(result, 's');
    assert.deepEqual(seen, ['BUILD', 'BUILD', 'ACTIVE']);
    assert.deepEqual(servers.ended, ['s']);
  });

  it('is read by its id when the list does not have it; a check that throws ends the wait', async () => {
    const servers = new ListedStates([[]]);
    const watch = new MockActivityEnvironment().run(() =>
      watchServer(depsOf(servers), 'c', 's', (server) => {
        assert.equal(server, undefined);
        throw new Error('gone');
      }),
    );
    await assert.rejects(watch, { message: 'gone' });
    assert.deepEqual(servers.ended, ['s']);
  });

  it('may be an image together with the server that the image is made from', async () => {
    const [servers, images] = [new ListedStates([['ACTIVE']]), new ListedStates([[]])];
    const result: unknown = await new MockActivityEnvironment().run(() =>
      watchCapture(depsOf(servers, images), 'c', { image: 'i', source: 's' }, servers, ({ image, source }) => {
        return `${image?.status} ${source?.status}`;
      }),
    );
    assert.equal(result, 'saving ACTIVE');
    assert.deepEqual([images.ended, servers.ended], [['i'], ['s']]);
  });
});
