import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { ACTIVITY_DECLARATIONS } from '../../activities/declarations.js';
import type { Activities } from '../../activities/functions.js';
import { taskQueueFor } from '../../domain/task-queues.js';

/** Seconds that a step may take with all its retries, and that one attempt may take. */
export interface Budget {
  total: number;
  /** Default: `total`. */
  attempt?: number;
}

/** The budget of a short step: it fails after an hour in which the cloud does not answer. */
export const SHORT: Budget = { total: 3600, attempt: 300 };

/** How the Temporal UI shows a call, and how long it may take. */
export interface CallOptions {
  summary: string;
  /** Default: an hour in all, five minutes an attempt. */
  budget?: Budget | undefined;
}

type Input<K extends keyof Activities> = Parameters<Activities[K]>[0];
type Result<K extends keyof Activities> = Awaited<ReturnType<Activities[K]>>;

/**
 * Calls an activity under the rules of every activity. Its budget is a time and not a number of attempts, because a
 * deploy or a crash uses attempts up. Its heartbeat shows that its worker is alive. The workflow waits for a cancelled
 * activity to end, so that the clean-up never overlaps a call that still creates something.
 * @param options heartbeatTimeout in seconds
 */
export function callActivity<K extends keyof Activities>(
  name: K,
  input: Input<K>,
  { summary, budget = SHORT, heartbeatTimeout }: CallOptions & { heartbeatTimeout: number },
): Promise<Result<K>> {
  const options: ActivityOptions = {
    taskQueue: taskQueueFor(workflowInfo().taskQueue, ACTIVITY_DECLARATIONS[name].queue),
    scheduleToCloseTimeout: budget.total * 1000,
    startToCloseTimeout: (budget.attempt ?? budget.total) * 1000,
    heartbeatTimeout: heartbeatTimeout * 1000,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '20s' },
    summary: summary.slice(0, 200),
  };
  const activity = proxyActivities<Activities>(options)[name] as unknown as (input: Input<K>) => Promise<Result<K>>;
  return activity(input);
}
