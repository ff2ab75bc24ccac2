import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { temporal as proto } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../src/activities/index.js';

/**
 * What a person can do to a workflow in the Temporal UI or with its command line, besides cancelling and terminating.
 */

type Activity = keyof Activities;
type PendingActivity = proto.api.workflow.v1.IPendingActivityInfo;

/**
 * Where a workflow is reset to: its beginning, or the moment before it asks for the nth activity of a type (from 1).
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
  if (task === undefined || task === null) throw new Error(`${workflowId} has never come to ${String(to)}`);
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

/** Pauses, unpauses and resets the pending activities of one type, and changes their options. */
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

  /** The next attempt is the first again, and knows nothing of what the one before has reported. */
  async reset(type: Activity): Promise<void> {
    await this.temporal.client.workflowService.resetActivity({ ...this.of, type, resetHeartbeat: true });
  }

  /** Gives an activity that runs other timeouts, in seconds. */
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

  /** Whether an activity of the type is paused, and its attempt has stopped. */
  async isPaused(type: Activity): Promise<boolean> {
    const pending = await this.pending(type);
    // PENDING_ACTIVITY_STATE_PAUSED; PAUSE_REQUESTED (5) while an attempt still runs.
    return pending?.paused === true && Number(pending.state) === 4;
  }

  async attempt(type: Activity): Promise<number | undefined> {
    return (await this.pending(type))?.attempt ?? undefined;
  }

  /** The activity of the type that runs; undefined also when the workflow has not been started yet. */
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
