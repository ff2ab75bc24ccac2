import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageFactoryClient } from '../../../src/client/connection.js';
import { findUuid, listBuilds } from '../../../src/client/find-uuid.js';

const UUID = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

/** A client of a Temporal that has workflows with these ids, all of the template `debian`, and no worker. */
function clientWithoutWorker(...workflowIds: string[]): ImageFactoryClient {
  const workflows = workflowIds.map((workflowId) => ({
    workflowId,
    status: { name: 'RUNNING' },
    startTime: new Date(0),
    typedSearchAttributes: { get: () => 'debian' },
  }));
  return {
    taskQueue: 'stopped',
    temporal: {
      workflow: {
        list: async function* () {
          yield* workflows;
        },
      },
    },
    connection: { workflowService: { describeTaskQueue: async () => ({ pollers: [] }) } },
    withTimeout: (call: () => Promise<unknown>) => call(),
  } as unknown as ImageFactoryClient;
}

describe('a name of a build, while no worker can read the store', () => {
  it('is found when Temporal has one such build', async () => {
    assert.equal(await findUuid(clientWithoutWorker(`base_image-${UUID}`), 'debian'), UUID);
  });

  it('is not taken for the only one where a forgotten build may have it, too', async () => {
    const client = clientWithoutWorker(`base_image-${UUID}`);
    await assert.rejects(findUuid(client, 'debian', { forgotten: true }), { name: 'NoWorkerError' });
    assert.equal(await findUuid(client, UUID, { forgotten: true }), UUID, 'a whole UUID needs no worker');
  });

  it('is not called unknown when Temporal has no such build', async () => {
    await assert.rejects(findUuid(clientWithoutWorker(), 'debian'), { name: 'NoWorkerError' });
  });
});

it('a name that images of several kinds have means the kind that is preferred', async () => {
  const other = UUID.replace('bdd', 'abc');
  const client = clientWithoutWorker(`target_image-${other}`, `base_image-${UUID}`);
  await assert.rejects(findUuid(client, 'debian'), { name: 'AmbiguousNameError' });
  assert.equal(await findUuid(client, 'debian', { prefer: 'base_image' }), UUID);
  assert.equal(await findUuid(client, 'debian', { prefer: 'target_image' }), other);
});

it('a workflow whose id is not that of a build is no build', async () => {
  const client = clientWithoutWorker('base_image-$(touch owned)', `base_image-${UUID}`, 'base_image-x');
  assert.deepEqual(
    (await listBuilds(client, 2)).map(({ uuid }) => uuid),
    [UUID],
  );
  assert.equal(await findUuid(client, 'debian'), UUID);
});
