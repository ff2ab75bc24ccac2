import { availableParallelism } from 'node:os';
import type { WorkerOptions as TemporalWorkerOptions } from '@temporalio/worker';
import { taskQueueFor, type QueueKind } from '../domain/task-queues.js';

type Slots = Partial<TemporalWorkerOptions>;

/**
 * How many tasks of each kind of task queue a worker runs at the same time (Temporal's slots). `wait` has many slots,
 * because a waiting activity costs only a heartbeat every three seconds. `transfer` has few, because these activities
 * move and hash bytes on the threads of the event loop. `convert` has as many as there are processor cores. `control`
 * runs short tasks. The workflow cache is small to save memory: Temporal evicts a build that waits long, and replays it
 * at its next event.
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
  convert: { maxConcurrentActivityTaskExecutions: availableParallelism(), maxConcurrentActivityTaskPolls: 2 },
};

/**
 * Returns the worker options of a kind: the name of its task queue, and its slots. Only the `control` worker runs
 * workflows.
 */
export function workerOptionsFor(taskQueue: string, kind: QueueKind): Slots & { taskQueue: string } {
  return { taskQueue: taskQueueFor(taskQueue, kind), ...SLOTS[kind] };
}
