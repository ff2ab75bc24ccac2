import { WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import type { ImageFactoryClient } from './connection.js';
import { ClientError, NoWorkerError } from './errors.js';
import { getGrpcCode } from './grpc-code.js';

/** Milliseconds for which a worker counts as running after its last poll: more than the 60 s that a long poll lasts. */
const POLL_LASTS = 70_000;

/**
 * Checks whether a worker has polled the client's task queue in the last 70 s. Temporal itself lists a worker for five
 * minutes after its last poll.
 */
export function hasWorkers(client: ImageFactoryClient): Promise<boolean> {
  return hasPolledSince(client, Date.now() - POLL_LASTS);
}

/**
 * Checks whether a worker has polled the client's task queue since `moment` (milliseconds since the epoch). A running
 * worker polls again as soon as it has got a task or a query. So if a task has waited since `moment` and no worker has
 * polled, no worker runs, even if Temporal still lists a worker that has just stopped.
 */
export async function hasPolledSince(client: ImageFactoryClient, moment: number): Promise<boolean> {
  return (await listPollers(client, moment)).length > 0;
}

/** Lists the machines whose workers have polled the client's task queue in the last 70 s, as the workers name them. */
export async function listWorkerHosts(client: ImageFactoryClient): Promise<string[]> {
  const identities = await listPollers(client, Date.now() - POLL_LASTS);
  // The SDK names a worker `pid@host`.
  return [...new Set(identities.map((identity) => identity.replace(/^\d+@/, '')))].sort();
}

/** Lists the identities of the workers that have polled the client's task queue since `moment`. */
async function listPollers(client: ImageFactoryClient, moment: number): Promise<string[]> {
  const { pollers } = await client.withTimeout(() =>
    client.connection.workflowService.describeTaskQueue({
      namespace: client.namespace,
      taskQueue: { name: client.taskQueue },
      taskQueueType: 1, // TASK_QUEUE_TYPE_WORKFLOW
    }),
  );
  return (pollers ?? []).flatMap(({ lastAccessTime, identity }) => {
    const { seconds, nanos } = lastAccessTime ?? {};
    const polled = Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6;
    return polled >= moment ? [identity ?? ''] : [];
  });
}

/** Checks whether an error of a query or an update means that no worker has answered. */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const code = getGrpcCode(error);
  // 4 is DEADLINE_EXCEEDED. 9 is FAILED_PRECONDITION: the server returns it when no worker has polled for 20 s, but
  // also when the workflow's code fails. Only the error's text tells these two cases apart.
  return code === 4 || (code === 9 && /no poller/i.test(describeCauses(error)));
}

function describeCauses(error: unknown): string {
  return error instanceof Error ? `${error.message} ${describeCauses(error.cause)}` : '';
}

/**
 * Runs a query or an update, which a worker must answer.
 *
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` when a worker polls, and has not answered in time
 */
export async function callWorker<T>(
  client: ImageFactoryClient,
  run: () => Promise<T>,
  milliseconds = 10_000,
): Promise<T> {
  const begun = Date.now();
  try {
    return await client.withTimeout(run, milliseconds);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    if (!(await hasPolledSince(client, begun))) throw new NoWorkerError(client.taskQueue);
    throw new ClientError('WorkerFailed', `no worker has answered within ${milliseconds / 1000} s`, {
      hint: 'the worker may be busy: try again',
      cause: error,
    });
  }
}
