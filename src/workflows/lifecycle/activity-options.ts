import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { ACTIVITY_DECLARATIONS } from '../../activities/declarations.js';
import { taskQueueFor } from '../../domain/task-queues.js';
import type { Activities } from '../../activities/index.js';

/** Seconds: how long a step may be retried in all, and how long one try of it may last. */
export interface Budget {
  total: number;
  attempt?: number;
}

/** A short step is given up after an hour of a cloud that does not answer. */
export const SHORT: Budget = { total: 3600, attempt: 300 };

/** How a step is shown in the UI, and how long it may take. */
export interface CallOptions {
  summary: string;
  /** Default: an hour in all, five minutes a try. */
  budget?: Budget;
}

type Arguments<K extends keyof Activities> = Parameters<Activities[K]>;
type Result<K extends keyof Activities> = Awaited<ReturnType<Activities[K]>>;

/**
 * Runs an activity under the rules of every activity: budgets by time, not by number of attempts (a deploy or a crash
 * uses attempts up); a heartbeat, so that a dead worker is noticed; cancellation waited for, so that the clean-up never
 * overlaps a call that still makes something.
 */
export function call<K extends keyof Activities>(
  name: K,
  args: Arguments<K>,
  options: CallOptions & { heartbeatTimeout: number },
): Promise<Result<K>> {
  const budget = options.budget ?? SHORT;
  const activityOptions: ActivityOptions = {
    taskQueue: taskQueueFor(workflowInfo().taskQueue, ACTIVITY_DECLARATIONS[name].queue),
    scheduleToCloseTimeout: budget.total * 1000,
    startToCloseTimeout: (budget.attempt ?? budget.total) * 1000,
    heartbeatTimeout: options.heartbeatTimeout * 1000,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '20s' },
    summary: options.summary.slice(0, 200),
  };
  const proxies = proxyActivities<Activities>(activityOptions);
  const activity = proxies[name] as unknown as (...args: Arguments<K>) => Promise<Result<K>>;
  return activity(...args);
}
