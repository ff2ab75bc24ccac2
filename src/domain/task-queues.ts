/**
 * Where an activity runs. `control`: short calls. `wait`: what lasts, mostly waiting; hundreds at a time. `transfer`:
 * what moves or hashes bytes; few at a time, so that it never starves the others' heartbeats.
 */
export type Lane = 'control' | 'wait' | 'transfer';

export const LANES: readonly Lane[] = ['control', 'wait', 'transfer'];

/** The task queue of a lane. */
export function laneQueue(taskQueue: string, lane: Lane): string {
  return lane === 'control' ? taskQueue : `${taskQueue}-${lane}`;
}

/** The task queue of the workflows, from that of a lane. */
export function workflowQueue(queue: string, lane: Lane): string {
  return lane === 'control' ? queue : queue.slice(0, -`-${lane}`.length);
}
