import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageFactoryClient } from '../../../src/client/connection.js';
import { followBuild } from '../../../src/client/follow.js';

/**
 * A client of a Temporal that has an ended build. The worker answers the first queries too late.
 *
 * @param late number of queries without an answer
 * @param polls whether the worker polls the task queue
 */
function clientOfEndedBuild(late: number, polls = true): { client: ImageFactoryClient; queries: () => number } {
  let queries = 0;
  const description = {
    workflowId: 'base_image-u',
    runId: 'r',
    historyLength: 9,
    status: { name: 'CANCELLED' },
    startTime: new Date(0),
    raw: {},
  };
  const handle = {
    describe: async () => description,
    query: async () => {
      if (++queries <= late) throw new Error('the query timed out');
      return { phase: 'cleanup', removed: ['instance i'] };
    },
  };
  const pollers = polls ? [{ lastAccessTime: { seconds: Date.now() / 1000 } }] : [];
  const client = {
    temporal: { workflow: { getHandle: () => handle } },
    connection: { workflowService: { describeTaskQueue: async () => ({ pollers }) } },
    withTimeout: (call: () => Promise<unknown>) => call(),
  } as unknown as ImageFactoryClient;
  return { client, queries: () => queries };
}

async function lastStatus(client: ImageFactoryClient): Promise<unknown> {
  let last: unknown;
  for await (const { status } of followBuild(client, 'u')) last = status;
  return last;
}

describe('following a build that has ended', () => {
  it('asks a busy worker again, so that the last status says what the clean-up has removed', async () => {
    const { client } = clientOfEndedBuild(2);
    assert.deepEqual(await lastStatus(client), { phase: 'cleanup', removed: ['instance i'] });
  });

  it('ends without a status when no worker polls', async () => {
    const { client, queries } = clientOfEndedBuild(Infinity, false);
    assert.equal(await lastStatus(client), undefined);
    assert.equal(queries(), 1);
  });

  it('ends without a status when the worker never answers', async () => {
    const { client, queries } = clientOfEndedBuild(Infinity);
    assert.equal(await lastStatus(client), undefined);
    assert.equal(queries(), 6);
  });
});
