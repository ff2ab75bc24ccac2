/**
 * The kinds of task queue. `control`: workflows and short activities. `wait`: long activities that mostly wait,
 * hundreds at a time. `transfer`: activities that move or hash bytes, few at a time, so that they never delay the
 * heartbeats of other activities. `convert`: conversions of disks, each of which uses a whole processor
 * core, and the downloads for them, so that both are on the same machine.
 */
export type QueueKind = 'control' | 'wait' | 'transfer' | 'convert';

export const QUEUE_KINDS: readonly QueueKind[] = ['control', 'wait', 'transfer', 'convert'];

/** Returns the name of the task queue of a kind. */
export function taskQueueFor(taskQueue: string, kind: QueueKind): string {
  return kind === 'control' ? taskQueue : `${taskQueue}-${kind}`;
}

/** Returns the name of the workflows' task queue, computed from the name of the task queue of the given kind. */
export function workflowTaskQueue(queue: string, kind: QueueKind): string {
  return kind === 'control' ? queue : queue.slice(0, -`-${kind}`.length);
}
