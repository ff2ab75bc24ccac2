import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { ANSWER_UPDATE } from '../domain/messages.js';
import { describeError, type ImageFactoryClient } from './connection.js';
import { ClientError, NoWorkerError } from './errors.js';
import { getGrpcCode } from './grpc-code.js';
import { callTemporal, toClientError } from './temporal-errors.js';
import { hasPolledSince, hasWorkers } from './workers.js';

/** Milliseconds between two checks whether a worker has taken the workflow. */
const TAKE_TIMEOUT = 5000;
/** The reason with which we terminate a workflow that no worker takes. */
const NO_WORKER = 'no worker polls the task queue';

/** A short workflow that a worker runs for a request of a client. */
interface WorkerRequest {
  /** Type of the workflow. */
  type: string;
  input: object;
  workflowId: string;
  /** What the workflow does, in at most 200 characters: for its page in the Temporal UI. */
  summary: string;
  /** Time limit of the workflow, and of the wait for its result. */
  seconds: number;
  /** The memo of the workflow. Default: none. */
  memo?: Record<string, unknown>;
}

/**
 * Runs a workflow that only reads, and deletes it from Temporal when its result is here. Otherwise each request would
 * leave a row in the list of the Temporal UI: see docs/adr/0031-delete-the-workflows-of-reads.md. A workflow that has
 * failed stays in the list, and so does one that no worker has taken, which is terminated.
 *
 * @param request without an id; the id begins with `name`
 * @throws the same errors as {@link runWorkflow}
 */
export async function runReadWorkflow<R>(
  client: ImageFactoryClient,
  name: string,
  request: Omit<WorkerRequest, 'workflowId'>,
): Promise<R> {
  const workflowId = `${name}-${randomUUID()}`;
  const result = await runWorkflow<R>(client, { ...request, workflowId }, (handle) =>
    client.withTimeout(() => handle.executeUpdate<R, []>(ANSWER_UPDATE), request.seconds * 1000),
  );
  await deleteWorkflow(client, workflowId);
  return result;
}

/**
 * Deletes a workflow; terminates it before, if it runs. If Temporal refuses, for example for lack of a role, the
 * workflow stays in its list.
 */
async function deleteWorkflow(
  { withTimeout, connection, namespace }: ImageFactoryClient,
  workflowId: string,
): Promise<void> {
  const workflowExecution = { workflowId };
  await withTimeout(() => connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution })).catch(
    () => undefined,
  );
}

/**
 * Runs a short workflow on a worker and returns its result. If a workflow with this id already runs, waits for that
 * workflow instead.
 *
 * @param fetchAnswer fetches the result of a workflow that gives it before its end. If that fails, the end counts
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` with the worker's message, or when the time limit has passed
 * @throws TemporalUnavailableError when Temporal does not answer
 */
export async function runWorkflow<R>(
  client: ImageFactoryClient,
  { type, input, workflowId, summary, seconds, memo = {} }: WorkerRequest,
  fetchAnswer?: (handle: WorkflowHandle) => Promise<R>,
): Promise<R> {
  if (!(await callTemporal(() => hasWorkers(client)))) throw new NoWorkerError(client.taskQueue);
  const handle = await callTemporal(() =>
    client.withTimeout(() =>
      client.temporal.workflow.start(type, {
        args: [input],
        workflowId,
        taskQueue: client.taskQueue,
        workflowExecutionTimeout: `${seconds}s`,
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: summary,
        memo,
      }),
    ),
  );
  const ended = new AbortController();
  const result = client.withTimeout(() => handle.result() as Promise<R>, seconds * 1000);
  const answer = fetchAnswer?.(handle).catch(() => result) ?? result;
  try {
    return await Promise.race([answer, result, giveUpUntaken(client, handle, ended.signal)]);
  } catch (error) {
    throw toRunError(error, { taskQueue: client.taskQueue, workflowId, seconds });
  } finally {
    ended.abort();
    // The promises that have not settled yet may be rejected later, for example when `giveUpUntaken` terminates the
    // workflow. Nobody needs a second error, so we ignore it.
    answer.catch(() => undefined);
    result.catch(() => undefined);
  }
}

/**
 * Waits until a worker takes the workflow. If no worker polls, terminates the workflow. The check before the start is
 * not enough for this, because Temporal may still list a worker that has just stopped. After a worker has taken the
 * workflow, the promise stays pending for ever.
 *
 * @throws NoWorkerError after it has terminated the workflow
 */
async function giveUpUntaken(client: ImageFactoryClient, handle: WorkflowHandle, ended: AbortSignal): Promise<never> {
  while (await sleep(TAKE_TIMEOUT, true, { signal: ended }).catch(() => false)) {
    const isUntaken = await isWaitingForWorker(client, handle).catch(() => undefined);
    if (isUntaken === false) break;
    if (isUntaken === undefined) continue;
    await client.withTimeout(() => handle.terminate(NO_WORKER)).catch(() => undefined);
    throw new NoWorkerError(client.taskQueue);
  }
  return new Promise<never>(() => undefined);
}

/**
 * Returns true when the workflow waits for a worker and no worker polls, undefined when it waits and a worker polls,
 * and false when a worker has taken it.
 */
async function isWaitingForWorker(client: ImageFactoryClient, handle: WorkflowHandle): Promise<boolean | undefined> {
  const { raw, startTime } = await client.withTimeout(() => handle.describe());
  // 1 is PENDING_WORKFLOW_TASK_STATE_SCHEDULED: no worker has taken the task.
  if (Number(raw.pendingWorkflowTask?.state ?? 0) !== 1) return false;
  return (await hasPolledSince(client, startTime.getTime())) ? undefined : true;
}

function toRunError(
  error: unknown,
  { taskQueue, workflowId, seconds }: { taskQueue: string; workflowId: string; seconds: number },
): Error {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  const fail = (message: string, hint?: string): ClientError =>
    new ClientError('WorkerFailed', message, { hint, cause: error });
  // 4 is DEADLINE_EXCEEDED: our own time limit for the wait is over.
  if (cause instanceof TimeoutFailure || (cause === undefined && getGrpcCode(error) === 4)) {
    const message = `no worker finished the workflow ${workflowId} within ${seconds} s`;
    return fail(message, 'the worker’s log may show the reason');
  }
  if (cause instanceof CancelledFailure) return fail(`somebody has cancelled the workflow ${workflowId}`);
  if (cause instanceof TerminatedFailure) {
    // The end of the workflow may be known before `giveUpUntaken` has its answer, or another client has terminated it.
    if (cause.message === NO_WORKER) return new NoWorkerError(taskQueue);
    return fail(`somebody has terminated the workflow ${workflowId}: ${cause.message}`);
  }
  return cause === undefined ? toClientError(error) : fail(describeError(cause), readHint(cause));
}

/** Reads the hint that an activity has given with its failure: `toFailure` in src/worker/interceptor.ts writes it. */
function readHint(failure: unknown): string | undefined {
  if (!(failure instanceof Error)) return undefined;
  const [details] = failure instanceof ApplicationFailure ? ((failure.details ?? []) as [{ hint?: unknown }?]) : [];
  return typeof details?.hint === 'string' ? details.hint : readHint(failure.cause);
}
