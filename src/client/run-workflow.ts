import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { hasWorkers, type ImageFactoryClient } from './connection.js';
import { ClientError, NoWorkerError } from './errors.js';
import { callTemporal } from './temporal-errors.js';

/**
 * Runs a short workflow on a worker and returns its result. If a workflow with this id already runs, waits for that
 * workflow instead.
 *
 * @param seconds time limit of the workflow, and of the wait for its result
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` with the worker's message, or when the time limit has passed
 */
export async function runWorkflow<R>(
  client: ImageFactoryClient,
  type: string,
  input: object,
  workflowId: string,
  seconds: number,
): Promise<R> {
  if (!(await callTemporal(() => hasWorkers(client)))) throw new NoWorkerError(client.taskQueue);
  try {
    const handle = await callTemporal(() =>
      client.withTimeout(() =>
        client.temporal.workflow.start(type, {
          args: [input],
          workflowId,
          taskQueue: client.taskQueue,
          workflowExecutionTimeout: `${seconds}s`,
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      ),
    );
    return (await client.withTimeout(() => handle.result(), seconds * 1000)) as R;
  } catch (error) {
    if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
      throw new ClientError('WorkerFailed', error.cause.message, { cause: error });
    }
    if (error instanceof ClientError) throw error;
    throw new ClientError('WorkerFailed', `no worker finished the workflow ${workflowId} within ${seconds} s`, {
      hint: 'the worker’s log may show the reason',
      cause: error,
    });
  }
}
