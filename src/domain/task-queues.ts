/**
 * Where an activity runs. `control`: short calls. `wait`: what lasts, mostly waiting; hundreds at a time. `transfer`:
 * what moves or hashes bytes; few at a time, so that it never starves the others' heartbeats.
 */
export type QueueKind = 'control' | 'wait' | 'transfer';

export const QUEUE_KINDS: readonly QueueKind[] = ['control', 'wait', 'transfer'];

/** The task queue of a lane. */
export function taskQueueFor(taskQueue: string, lane: QueueKind): string {
  return lane === 'control' ? taskQueue : `${taskQueue}-${lane}`;
}

/** The task queue of the workflows, from that of a lane. */
export function workflowTaskQueue(queue: string, lane: QueueKind): string {
  return lane === 'control' ? queue : queue.slice(0, -`-${lane}`.length);
}
