import type { WorkerOptions as TemporalWorkerOptions } from '@temporalio/worker';
import { taskQueueFor, type QueueKind } from '../domain/task-queues.js';

type Slots = Partial<TemporalWorkerOptions>;

/**
 * Slots by kind of task queue. Waiting activities are many and cheap: a thousand of them send a thousand heartbeats in
 * three seconds. Transfers move and hash bytes on the event loop's threads, so there are few. Workflow tasks are short.
 * Memory limits the workflow cache: a build that waits long is evicted, and replayed at its next event.
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

/** Returns task queue and slots of the worker for a kind of task queue. Only the `control` worker runs workflows. */
export function workerOptionsFor(taskQueue: string, kind: QueueKind): Slots & { taskQueue: string } {
  return { taskQueue: taskQueueFor(taskQueue, kind), ...SLOTS[kind] };
}
