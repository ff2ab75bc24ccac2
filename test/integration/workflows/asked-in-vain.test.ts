import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { temporal as proto } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { QueueAnswer, QueueMember } from '../../../src/domain/create-queue.js';
import { QUEUE_JOIN_SIGNAL, QUEUE_TURN_QUERY, WORKFLOWS, type CreateQueueInput } from '../../../src/domain/messages.js';
import { testBundle } from '../../support/bundle.js';
import { startTemporal, withWorkers } from '../../support/temporal.js';
import { until } from '../../support/until.js';

/** The name of the field for the attributes of one type of history event. Only events of that type have the field. */
type Attributes = Extract<keyof proto.api.history.v1.IHistoryEvent, `${string}EventAttributes`>;

describe('a workflow that is queried while it has no worker', { timeout: 120_000 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  async function comesTo(handle: WorkflowHandle, attributes: Attributes): Promise<void> {
    await until(async () => (await handle.fetchHistory()).events?.some((event) => event[attributes]), attributes);
  }

  it('replays its history, although its timer fired before a worker could answer the queries', async () => {
    const taskQueue = `asked-${randomUUID()}`;
    const activities = { findEndedWorkflows: () => Promise.resolve({ ended: [], at: Date.now() }) };
    // No build waits in the queue, so the queue checks its members twenty times less often: every five seconds.
    const input: CreateQueueInput = { checkEvery: 0.25, heartbeatTimeout: 60 };
    const member: QueueMember = { id: 'first', since: Date.now(), timeout: 60 };
    const handle = await temporal.client.workflow.signalWithStart(WORKFLOWS.createQueue, {
      taskQueue,
      workflowId: taskQueue,
      args: [input],
      signal: QUEUE_JOIN_SIGNAL,
      signalArgs: [member, true, 1],
    });
    const turn = (): Promise<QueueAnswer | null> =>
      handle.query<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY, 'first');
    await withWorkers(temporal, taskQueue, activities, () => comesTo(handle, 'timerStartedEventAttributes'));
    // We send many queries, so that at least one reaches the worker before the workflow's own task.
    const answers = Array.from({ length: 30 }, turn);
    await comesTo(handle, 'timerFiredEventAttributes');
    await withWorkers(temporal, taskQueue, activities, async () => {
      for (const answer of answers) assert.deepEqual(await answer, { state: 'turn', alone: false, slot: true });
      await comesTo(handle, 'activityTaskCompletedEventAttributes');
    });
    await Worker.runReplayHistory({ workflowBundle: { codePath: await testBundle() } }, await handle.fetchHistory());
    await handle.terminate();
  });
});
