import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type WorkflowExecutionDescription, type WorkflowHandle } from '@temporalio/client';
import { PayloadKeyError } from '../codec/encryption-codec.js';
import type { QueuePosition } from '../domain/create-queue.js';
import { QUEUE_POSITION_QUERY, STATUS_QUERY, WORKFLOWS } from '../domain/messages.js';
import { findAwaitedRun, type BuildStatus, type Waiting } from '../domain/status.js';
import { findWorkflowId, isOpen } from './builds.js';
import { describeError, type ImageFactoryClient } from './connection.js';
import { BuildNotFoundError, TemporalUnavailableError } from './errors.js';
import { listPendingActivities, type PendingActivity } from './pending-activity.js';
import { callTemporal, toClientError } from './temporal-errors.js';
import { hasPolledSince, hasWorkers, isUnanswered } from './workers.js';

/** The present state of a workflow. */
export interface WorkflowProgress {
  /** Temporal's workflow id. */
  workflowId: string;
  /** Temporal's word for the workflow's state: RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT. */
  execution: string;
  /** The status that the workflow reports: phase, steps, percent. Unset until a worker has answered. */
  status?: BuildStatus;
  /** The activities that run now, or wait for their next attempt. */
  activities: PendingActivity[];
}

/** The present state of a build. */
export interface BuildProgress extends WorkflowProgress {
  /** UUID of the build. */
  uuid: string;
  /** When this state was read. Milliseconds since the epoch. */
  at: number;
  /** When the build began. Milliseconds since the epoch. */
  startedAt: number;
  /** When the build ended. Milliseconds since the epoch. Unset while it runs. */
  endedAt?: number;
  /** Whether the build is an import, which cannot be resumed. Unset means no. */
  isImport?: boolean;
  /** The installer run that the build waits for. Unset when the build waits for none. */
  jeos?: WorkflowProgress;
  /** The run that prepares the guest for the target image. Unset when the target image does not wait for it. */
  preparation?: WorkflowProgress;
  /** Whether a worker polls the task queue. Unset when the build waits for no worker, or before the first check. */
  workers?: boolean;
  /** Why Temporal does not answer; the other properties are from its last answer. Unset when Temporal answers. */
  unreachable?: string;
}

/** How to follow a build. */
export interface FollowOptions {
  /** Milliseconds between two reads of the progress. Default 1000. */
  interval?: number | undefined;
  /** Ends the iteration without an error when the signal is aborted. The build continues. */
  signal?: AbortSignal | undefined;
  /** Milliseconds without an answer from Temporal after which following fails. Default 600 000. */
  unreachableTimeout?: number | undefined;
}

/** Milliseconds that a query may take. The limit is low, because a busy or stopped worker must not stop the view. */
const QUERY_TIMEOUT = 5000;
/**
 * How many times we query the status of an ended build while a worker polls. A busy worker may answer only a later
 * query. The last status must be fresh, because it alone tells the user what the clean-up has removed.
 */
const LAST_STATUS_TRIES = 6;
/** Milliseconds between two checks whether a worker polls the task queue. */
const WORKERS_INTERVAL = 5000;

/**
 * Follows a build: yields its progress once in every interval, until the build has ended. The last value describes the
 * ended build. An outage of Temporal or of the workers is reported in the values, not as an error.
 *
 * @example
 * for await (const { status } of followBuild(client, uuid)) {
 *   if (status !== undefined) console.log(`${status.percent} % ${status.phase}`);
 * }
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws TemporalUnavailableError when Temporal does not answer the first request, or gives no answer for
 *   `unreachableTimeout`
 */
export async function* followBuild(
  client: ImageFactoryClient,
  uuid: string,
  options: FollowOptions = {},
): AsyncGenerator<BuildProgress, void> {
  const { interval = 1000, signal, unreachableTimeout = 600_000 } = options;
  const reader = new ProgressReader(client, uuid);
  let last: BuildProgress | undefined;
  let answeredAt = Date.now();
  const aborted = whenAborted(signal);
  while (!signal?.aborted) {
    try {
      const progress = await Promise.race([reader.read(), aborted]);
      if (progress === undefined) return;
      last = progress;
      answeredAt = Date.now();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new BuildNotFoundError(uuid, { cause: error });
      // A payload key is missing, so another read would fail in the same way. Do not try again.
      if (error instanceof PayloadKeyError) throw toClientError(error);
      if (last === undefined || Date.now() - answeredAt > unreachableTimeout) throw unavailableError(client, error);
      last = { ...last, at: Date.now(), unreachable: describeError(error) };
    }
    yield last;
    if (last.unreachable === undefined && !isOpen(last.execution)) return;
    await sleep(interval, undefined, { signal }).catch(() => undefined);
  }
}

/** Resolves when the signal is aborted, so that the caller can stop waiting for Temporal's answer. */
function whenAborted(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(undefined), { once: true }));
}

function unavailableError(client: ImageFactoryClient, cause: unknown): TemporalUnavailableError {
  return new TemporalUnavailableError(`Temporal does not answer at ${client.address}: ${describeError(cause)}`, {
    hint: 'a running build continues as soon as Temporal is available again',
    cause,
  });
}

/**
 * Reads the progress of a build once. Works without a worker, unlike {@link fetchStatus}; `status` is then unset.
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws ClientError when Temporal does not answer
 */
export function fetchProgress(client: ImageFactoryClient, uuid: string): Promise<BuildProgress> {
  return callTemporal(() => new ProgressReader(client, uuid).read(), uuid);
}

/**
 * Reads the progress of a build and of the shared run that it waits for. Queries a workflow only when its history has
 * grown.
 */
export class ProgressReader {
  private readonly known = new Map<string, { length: number; status: BuildStatus }>();
  private checkedWorkersAt = 0;
  private workers: boolean | undefined;
  /** Time at which the last query began. Undefined when a worker has answered this query. */
  private unansweredSince: number | undefined;

  constructor(
    private readonly client: ImageFactoryClient,
    private readonly uuid: string,
  ) {}

  /** Reads the progress once. Throws Temporal's own errors. */
  async read(): Promise<BuildProgress> {
    const { description, progress } = await this.readWorkflow(await findWorkflowId(this.client, this.uuid));
    const { status, execution } = progress;
    const runId = status !== undefined && execution === 'RUNNING' ? findAwaitedRun(status) : undefined;
    const run = runId === undefined ? undefined : await this.readSharedRun(runId);
    const isStuck = progress.status === undefined || progress.activities.some(({ state }) => state === 'waiting');
    const workers = isStuck && progress.execution === 'RUNNING' ? await this.checkWorkers(description) : undefined;
    return {
      ...progress,
      uuid: this.uuid,
      at: Date.now(),
      startedAt: description.startTime.getTime(),
      ...(description.type === WORKFLOWS.importBaseImage ? { isImport: true } : {}),
      ...(description.closeTime === undefined ? {} : { endedAt: description.closeTime.getTime() }),
      ...(run === undefined ? {} : { [status?.phase === 'prepare' ? 'preparation' : 'jeos']: run }),
      ...(workers === undefined ? {} : { workers }),
    };
  }

  private async readSharedRun(workflowId: string): Promise<WorkflowProgress | undefined> {
    try {
      return (await this.readWorkflow(workflowId)).progress;
    } catch (error) {
      // The activity that waits for the run also starts it, so the run may not exist yet.
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  private async readWorkflow(
    workflowId: string,
  ): Promise<{ description: WorkflowExecutionDescription; progress: WorkflowProgress }> {
    const handle = this.client.temporal.workflow.getHandle(workflowId);
    const description = await this.client.withTimeout(() => handle.describe());
    const known = await this.readStatus(description);
    const status =
      known?.waiting?.position === undefined ? known : await this.addQueuePosition(workflowId, known, known.waiting);
    const activities = await listPendingActivities(this.client, description.raw.pendingActivities ?? []);
    const progress: WorkflowProgress = { workflowId, execution: description.status.name, activities };
    return { description, progress: status === undefined ? progress : { ...progress, status } };
  }

  private async readStatus(description: WorkflowExecutionDescription): Promise<BuildStatus | undefined> {
    const { workflowId, runId, historyLength } = description;
    const known = this.known.get(runId);
    if (known?.length === historyLength) return known.status;
    const handle = this.client.temporal.workflow.getHandle(workflowId, runId);
    for (let tries = isOpen(description.status.name) ? 1 : LAST_STATUS_TRIES; ; tries--) {
      try {
        const status = await this.query<BuildStatus>(handle);
        this.known.set(runId, { length: historyLength, status });
        return status;
      } catch (error) {
        if (error instanceof PayloadKeyError) throw error;
        // No worker answers, or the workflow has not begun. So return the last known status, if there is one.
        if (tries === 1 || !(await hasWorkers(this.client))) return known?.status;
      }
    }
  }

  /**
   * Replaces the queue position in the status with the present one. The position in the status may be out of date,
   * because the create queue does not notify the build of every change.
   */
  private async addQueuePosition(workflowId: string, status: BuildStatus, waiting: Waiting): Promise<BuildStatus> {
    try {
      const handle = this.client.temporal.workflow.getHandle(waiting.queueId);
      const found = await this.client.withTimeout(
        () => handle.query<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY, workflowId),
        QUERY_TIMEOUT,
      );
      if (found === null) return status;
      const { position, of, reason } = found;
      return { ...status, waiting: { ...waiting, position, of, ...(reason === undefined ? {} : { reason }) } };
    } catch {
      return status;
    }
  }

  /** Queries the status of a workflow, and notes whether a worker answers. */
  private async query<T>(handle: WorkflowHandle): Promise<T> {
    const begun = Date.now();
    try {
      const answer = await this.client.withTimeout(() => handle.query<T>(STATUS_QUERY), QUERY_TIMEOUT);
      this.unansweredSince = undefined;
      return answer;
    } catch (error) {
      this.unansweredSince = isUnanswered(error) ? begun : undefined;
      throw error;
    }
  }

  /**
   * Checks whether a worker runs. Temporal lists a worker for some time after it has stopped. So a listed worker must
   * also have answered the last query, or have polled since that query began.
   */
  private async checkWorkers({ workflowId, runId }: WorkflowExecutionDescription): Promise<boolean | undefined> {
    if (Date.now() - this.checkedWorkersAt < WORKERS_INTERVAL) return this.workers;
    this.workers = await this.isServed(this.client.temporal.workflow.getHandle(workflowId, runId));
    this.checkedWorkersAt = Date.now();
    return this.workers;
  }

  private async isServed(handle: WorkflowHandle): Promise<boolean> {
    if (!(await hasWorkers(this.client))) return false;
    if (this.unansweredSince === undefined) await this.query(handle).catch(() => undefined);
    return this.unansweredSince === undefined || hasPolledSince(this.client, this.unansweredSince);
  }
}
