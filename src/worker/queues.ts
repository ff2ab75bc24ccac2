import type { WorkerOptions as TemporalWorkerOptions } from '@temporalio/worker';
import { taskQueueFor, type QueueKind } from '../domain/task-queues.js';

type Slots = Partial<TemporalWorkerOptions>;

/**
 * Slots of each lane. Waits are many and cheap: a thousand of them cost a thousand heartbeats in three seconds. Transfers
 * move and hash bytes on the event loop's threads: few. Workflow tasks are short. The cache is bounded by memory: a build that
 * waits long falls out of it, and is replayed when something happens to it.
 */
const SLOTS: Record<QueueKind, Slots> = {
  control: {
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentWorkflowTaskPolls: 10,
    maxConcurrentActivityTaskPolls: 5,
    maxCachedWorkflows: 100,
  },
  wait: { maxConcurrentActivityTaskExecutions: 1000, maxConcurrentActivityTaskPolls: 5 },
  transfer: { maxConcurrentActivityTaskExecutions: 4, maxConcurrentActivityTaskPolls: 2 },
};

/** The options of a lane's worker. Only the control lane hosts workflows. */
export function workerOptionsFor(taskQueue: string, lane: QueueKind): Slots & { taskQueue: string } {
  return { taskQueue: taskQueueFor(taskQueue, lane), ...SLOTS[lane] };
}
