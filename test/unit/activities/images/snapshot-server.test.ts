import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { snapshotServer } from '../../../../src/activities/images/snapshot-server.js';
import type { CapturedImage } from '../../../../src/activities/images/captured-image.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import type { Image, Server } from '../../../../src/openstack/types.js';

const TASK = 'OS-EXT-STS:task_state';

/** A poll: the status of the image, and the task of the server. */
type Poll = [image: string, task: string | null];

/** Takes a snapshot. The cloud shows the given polls one after the other, and then repeats the last one. */
function takeSnapshot(polls: Poll[]): Promise<CapturedImage> {
  let poll = -1;
  const now = (): Poll => polls[Math.min(poll, polls.length - 1)] ?? ['queued', null];
  const image = (): Image => ({ id: 'i', status: now()[0], size: now()[0] === 'active' ? 5 : null }) as Image;
  const server = (): Server => ({ id: 's', status: 'SHUTOFF', [TASK]: now()[1] }) as Server;
  const cloud = {
    getProjectId: async () => 'p',
    image: { listImages: async () => [], getImage: async () => image(), deleteImage: async () => undefined },
    compute: {
      getServer: async () => ({ id: 's', status: 'SHUTOFF', [TASK]: null }),
      createServerImage: async () => 'i',
    },
  };
  const watch = {
    cloud,
    images: { next: async () => image(), stopWaiting: () => undefined },
    servers: {
      next: async () => {
        poll++;
        return server();
      },
      stopWaiting: () => undefined,
    },
  };
  const deps = { clouds: { get: () => cloud }, watch: () => watch, identity: 'w', pollInterval: 1 } as unknown as Deps;
  const input = { ref: { uuid: 'u', cloud: 'c', workflowId: 'w' }, role: 'base', serverId: 's' } as const;
  return new MockActivityEnvironment({ attempt: 9 }).run(() => snapshotServer(deps, { ...input, deadline: Infinity }));
}

describe('the snapshot of an instance', () => {
  const busy = Array.from({ length: 100 }, (): Poll => ['queued', 'image_pending_upload']);

  it('may still be queued at the first polls after a long task of the instance', async () => {
    const image = await takeSnapshot([...busy, ['queued', null], ['queued', null], ['saving', null], ['active', null]]);
    assert.deepEqual(image, { imageId: 'i', size: 5 });
  });

  it('fails when it stays queued after the task of the instance is over', async () => {
    await assert.rejects(takeSnapshot([...busy, ['queued', null]]), /queued, though the instance’s task is over/);
  });
});
