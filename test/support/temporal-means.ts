import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { temporal as proto } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../src/activities/index.js';

/**
 * This file does what a user can do with a workflow in the Temporal UI or with the `temporal` command, except
 * cancelling and terminating.
 */

type Activity = keyof Activities;
type PendingActivity = proto.api.workflow.v1.IPendingActivityInfo;

/**
 * The point to which a workflow is reset: its first task, or the moment before it schedules activity number `nth` of a
 * type. `nth` counts from 1. Only a type means `nth` 1.
 */
export type ResetPoint = 'first task' | Activity | [type: Activity, nth: number];

/**
 * Resets the latest run of a workflow (https://docs.temporal.io/cli/workflow#reset).
 *
 * @returns id of the new run
 */
export async function resetWorkflow(
  temporal: TestWorkflowEnvironment,
  workflowId: string,
  to: ResetPoint,
): Promise<string> {
  const { workflow, workflowService } = temporal.client;
  const { runId } = await workflow.getHandle(workflowId).describe();
  const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
  const task =
    to === 'first task'
      ? events?.find((event) => event.workflowTaskCompletedEventAttributes)?.eventId
      : scheduled(events ?? [], to)?.workflowTaskCompletedEventId;
  if (task === undefined || task === null)
    throw new Error(`workflow ${workflowId} has not reached ${String(to)}, so it cannot be reset to it`);
  const { runId: newRunId } = await workflowService.resetWorkflowExecution({
    namespace: temporal.namespace ?? 'default',
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: task,
  });
  return newRunId;
}

type Events = NonNullable<
  Awaited<ReturnType<ReturnType<TestWorkflowEnvironment['client']['workflow']['getHandle']>['fetchHistory']>>['events']
>;

function scheduled(events: Events, to: Exclude<ResetPoint, 'first task'>) {
  const [type, nth] = typeof to === 'string' ? [to, 1] : to;
  return events
    .flatMap(({ activityTaskScheduledEventAttributes: given }) => (given?.activityType?.name === type ? [given] : []))
    .at(nth - 1);
}

/** Pauses, unpauses and resets the pending activity of a type, and changes its options. */
export class ActivityOperations {
  private readonly of: { namespace: string; execution: { workflowId: string }; identity: string };

  constructor(
    private readonly temporal: TestWorkflowEnvironment,
    private readonly workflowId: string,
  ) {
    this.of = { namespace: temporal.namespace ?? 'default', execution: { workflowId }, identity: 'a test' };
  }

  async pause(type: Activity): Promise<void> {
    await this.temporal.client.workflowService.pauseActivity({ ...this.of, type, reason: 'a test' });
  }

  async unpause(type: Activity): Promise<void> {
    await this.temporal.client.workflowService.unpauseActivity({ ...this.of, type });
  }

  /**
   * Resets the activity. Its next attempt has number 1 again, and gets no heartbeat details from the previous attempt.
   */
  async reset(type: Activity): Promise<void> {
    await this.temporal.client.workflowService.resetActivity({ ...this.of, type, resetHeartbeat: true });
  }

  /** Changes the timeouts of a pending activity. The timeouts are in seconds. */
  async setTimeouts(
    type: Activity,
    { startToClose, heartbeat }: { startToClose: number; heartbeat: number },
  ): Promise<void> {
    await this.temporal.client.workflowService.updateActivityOptions({
      ...this.of,
      type,
      activityOptions: {
        startToCloseTimeout: { seconds: startToClose as never },
        heartbeatTimeout: { seconds: heartbeat as never },
      },
      updateMask: { paths: ['start_to_close_timeout', 'heartbeat_timeout'] },
    });
  }

  /** Checks whether an activity of the type is paused and its last attempt has stopped. */
  async isPaused(type: Activity): Promise<boolean> {
    const pending = await this.pending(type);
    // 4 is PENDING_ACTIVITY_STATE_PAUSED. While an attempt still runs, the state is PAUSE_REQUESTED (5).
    return pending?.paused === true && Number(pending.state) === 4;
  }

  async attempt(type: Activity): Promise<number | undefined> {
    return (await this.pending(type))?.attempt ?? undefined;
  }

  /**
   * Returns the pending activity of the type; undefined when there is none, or when the workflow has not been started
   * yet.
   */
  private async pending(type: Activity): Promise<PendingActivity | undefined> {
    try {
      const { raw } = await this.temporal.client.workflow.getHandle(this.workflowId).describe();
      return raw.pendingActivities?.find(({ activityType }) => activityType?.name === type);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }
}
