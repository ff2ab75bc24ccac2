import type { WorkerOptions as TemporalWorkerOptions } from '@temporalio/worker';
import { taskQueueFor, type QueueKind } from '../domain/task-queues.js';

type Slots = Partial<TemporalWorkerOptions>;

/**
 * The slots of the worker for each kind of task queue. There are many waiting activities, because they are cheap: a
 * thousand of them send a thousand heartbeats in three seconds. There are few transfers, because they move and hash
 * bytes on the threads of the event loop. Workflow tasks are short. Memory limits the workflow cache, so a build that
 * waits long is evicted, and replayed at its next event.
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

/**
 * Returns the name of the task queue and the slots of the worker for a kind. Only the `control` worker runs workflows.
 */
export function workerOptionsFor(taskQueue: string, kind: QueueKind): Slots & { taskQueue: string } {
  return { taskQueue: taskQueueFor(taskQueue, kind), ...SLOTS[kind] };
}
