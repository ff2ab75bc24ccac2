import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { HEARTBEAT_TIMEOUT } from '../../domain/heartbeat.js';
import { ACTIVITY_DECLARATIONS } from '../../activities/declarations.js';
import type { Activities } from '../../activities/functions.js';
import { taskQueueFor } from '../../domain/task-queues.js';

/** The time that a step may take with all its attempts, and the time for one attempt. */
export interface Budget {
  /** Seconds for all attempts together. */
  total: number;
  /** Seconds for one attempt. Default: `total`. */
  attempt?: number;
}

/** The budget of a short step. If the cloud does not answer for an hour, the step fails. */
export const SHORT: Budget = { total: 3600, attempt: 300 };

/** The text that the Temporal UI shows for a call of an activity, and the time that the call may take. */
export interface CallOptions {
  summary: string;
  /** Default: {@link SHORT}, an hour in all and five minutes for each attempt. */
  budget?: Budget | undefined;
}

type Input<K extends keyof Activities> = Parameters<Activities[K]>[0];
type Result<K extends keyof Activities> = Awaited<ReturnType<Activities[K]>>;

/**
 * Calls an activity with the options that all activities share. The budget limits the time and not the number of
 * attempts, because each deploy or crash of a worker uses up an attempt. Heartbeats show that the worker is alive. When
 * the activity is cancelled, the workflow waits until the activity has ended. So the clean-up never runs at the same
 * time as a call that still creates something. A build that was tried many times still continues within 28 s after its
 * worker was killed: the heartbeat timeout, and the longest interval between two attempts.
 * @param options `heartbeatTimeout` is in seconds; default {@link HEARTBEAT_TIMEOUT}
 */
export function callActivity<K extends keyof Activities>(
  name: K,
  input: Input<K>,
  { summary, budget = SHORT, heartbeatTimeout = HEARTBEAT_TIMEOUT }: CallOptions & { heartbeatTimeout?: number },
): Promise<Result<K>> {
  const options: ActivityOptions = {
    taskQueue: taskQueueFor(workflowInfo().taskQueue, ACTIVITY_DECLARATIONS[name].queue),
    scheduleToCloseTimeout: budget.total * 1000,
    startToCloseTimeout: (budget.attempt ?? budget.total) * 1000,
    heartbeatTimeout: heartbeatTimeout * 1000,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '8s' },
    summary: summary.slice(0, 200),
  };
  const activity = proxyActivities<Activities>(options)[name] as unknown as (input: Input<K>) => Promise<Result<K>>;
  return activity(input);
}
