import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { QueueAnswer, QueueMember } from '../../../src/domain/create-queue.js';
import { QUEUE_JOIN_SIGNAL, QUEUE_TURN_QUERY, WORKFLOWS, type CreateQueueInput } from '../../../src/domain/messages.js';
import { startTemporal, withWorkers } from '../../support/temporal.js';

describe('the create queue of a project', () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  it('answers a build that joins while it checks whether the other builds still run', async () => {
    const taskQueue = `line-${randomUUID()}`;
    let looks = (): void => {};
    const looking = new Promise<void>((resolve) => (looks = resolve));
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const findEndedWorkflows = async (): Promise<{ ended: string[]; at: number }> => {
      looks();
      await released;
      return { ended: [], at: Date.now() };
    };
    await withWorkers(temporal, taskQueue, { findEndedWorkflows }, async () => {
      const input: CreateQueueInput = { checkEvery: 0.1, heartbeatTimeout: 60 };
      const handle = await temporal.client.workflow.start<(given: CreateQueueInput) => Promise<void>>(
        WORKFLOWS.createQueue,
        {
          taskQueue,
          workflowId: taskQueue,
          args: [input],
        },
      );
      const join = async (id: string, limit: number): Promise<QueueAnswer | null> => {
        const member: QueueMember = { id, since: Date.now(), timeout: 60 };
        await handle.signal<[QueueMember, boolean, number]>(QUEUE_JOIN_SIGNAL, member, false, limit);
        return handle.query<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY, id);
      };
      assert.deepEqual(await join('first', 1), { state: 'turn', alone: false, slot: true });
      assert.deepEqual(await join('second', 1), { state: 'waiting', position: 1, of: 1 });
      await looking;
      assert.deepEqual(await join('third', 3), { state: 'turn', alone: false, slot: true });
      release();
      await handle.terminate();
    });
  });
});
