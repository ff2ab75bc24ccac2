import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { baseImageWorkflowId } from '../domain/base-image-input.js';
import type { QueuePosition } from '../domain/create-queue.js';
import { QUEUE_POSITION_QUERY, STATUS_QUERY } from '../domain/messages.js';
import type { BuildStatus, Waiting } from '../domain/status.js';
import { PayloadKeyError } from '../codec/encryption-codec.js';
import { toClientError } from './temporal-errors.js';
import { hasWorkers, errorReason, type ImageFactoryClient } from './connection.js';
import { ClientError } from './errors.js';
import { listPendingActivities, type PendingActivity } from './pending-activity.js';

/** One workflow as it is now. */
export interface WorkflowView {
  workflowId: string;
  /** Temporal's word for it: RUNNING, COMPLETED, FAILED, CANCELLED, TERMINATED, … */
  execution: string;
  /** The build's own account; undefined until a worker has answered for it. */
  status?: BuildStatus;
  activities: PendingActivity[];
}

/** A build as it is now. */
export interface Observation extends WorkflowView {
  uuid: string;
  /** Milliseconds since the epoch: when this was seen, and when the build began. */
  at: number;
  startedAt: number;
  /** The installer run that the build waits for. */
  jeos?: WorkflowView;
  /** False: no worker polls the task queue. Undefined: nothing waits for one, or it was not asked yet. */
  workers?: boolean;
  /** Why Temporal does not answer at present; the rest is what was seen last. */
  unreachable?: string;
}

export interface WatchOptions {
  /** Milliseconds between two looks. Default 1000. */
  interval?: number;
  /** Ends the watching; the build goes on. */
  signal?: AbortSignal;
  /** Milliseconds that Temporal may be away before the watching is given up. Default ten minutes. */
  patience?: number;
}

/** How long a query may take: a worker that is busy, or has just gone, must not hold the view up. */
const QUERY_TIMEOUT = 5000;

/**
 * Looks at a build until it has ended or the signal says so; the last observation is of the ended build. Outages of
 * Temporal and of the workers are part of what is seen, not errors.
 *
 * @throws ClientError when there is no such build, or Temporal stays away longer than the patience
 */
export async function* watchBuild(
  factory: ImageFactoryClient,
  uuid: string,
  options: WatchOptions = {},
): AsyncGenerator<Observation, void> {
  const { interval = 1000, signal, patience = 600_000 } = options;
  const watcher = new BuildWatcher(factory, uuid);
  let last: Observation | undefined;
  let answeredAt = Date.now();
  const left = leaving(signal);
  while (!signal?.aborted) {
    try {
      const seen = await Promise.race([watcher.look(), left]);
      if (seen === undefined) return;
      last = seen;
      answeredAt = Date.now();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw notFound(uuid, error);
      // No patience brings the key.
      if (error instanceof PayloadKeyError) throw toClientError(error);
      if (last === undefined || Date.now() - answeredAt > patience) throw gone(factory, error);
      last = { ...last, at: Date.now(), unreachable: errorReason(error) };
    }
    yield last;
    if (last.unreachable === undefined && last.execution !== 'RUNNING' && last.execution !== 'PAUSED') return;
    await sleep(interval, undefined, { signal }).catch(() => undefined);
  }
}

/** Settles when the signal says so: who leaves must not wait for Temporal's answer. */
function leaving(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(undefined), { once: true }));
}

function notFound(uuid: string, cause: unknown): ClientError {
  return new ClientError(`No image found with id: ${uuid}`, {
    hint: 'Temporal knows no such build; `imagefactory images` lists what the store has',
    cause,
  });
}

function gone(factory: ImageFactoryClient, cause: unknown): ClientError {
  return new ClientError(`Temporal does not answer at ${factory.address}: ${errorReason(cause)}`, {
    hint: 'a running build goes on when Temporal is back',
    cause,
  });
}

/** Sees a build and its installer run, asking the worker only when a history has grown. */
export class BuildWatcher {
  private readonly known = new Map<string, { length: number; status: BuildStatus }>();
  private lookedForWorkers = 0;
  private workers: boolean | undefined;

  constructor(
    private readonly factory: ImageFactoryClient,
    private readonly uuid: string,
  ) {}

  /** One look. */
  async look(): Promise<Observation> {
    const { description, view } = await this.see(baseImageWorkflowId(this.uuid));
    const jeosId = view.status?.jeosWorkflowId;
    const waitsForJeos = view.execution === 'RUNNING' && view.status?.phase === 'jeos';
    const jeos = jeosId !== undefined && waitsForJeos ? await this.seeJeos(jeosId) : undefined;
    const stuck = view.status === undefined || view.activities.some(({ state }) => state === 'waiting');
    const workers = stuck && view.execution === 'RUNNING' ? await this.askForWorkers() : undefined;
    return {
      ...view,
      uuid: this.uuid,
      at: Date.now(),
      startedAt: description.startTime.getTime(),
      ...(jeos === undefined ? {} : { jeos }),
      ...(workers === undefined ? {} : { workers }),
    };
  }

  private async seeJeos(workflowId: string): Promise<WorkflowView | undefined> {
    try {
      return (await this.see(workflowId)).view;
    } catch (error) {
      // It is started by the activity that waits for it: in the first moments it is not there yet.
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  private async see(workflowId: string): Promise<{ description: WorkflowExecutionDescription; view: WorkflowView }> {
    const handle = this.factory.client.workflow.getHandle(workflowId);
    const description = await this.factory.call(() => handle.describe());
    const known = await this.statusOf(description);
    const status = known?.waiting?.position === undefined ? known : await this.inLine(workflowId, known, known.waiting);
    const activities = await listPendingActivities(this.factory, description.raw.pendingActivities ?? []);
    const view: WorkflowView = { workflowId, execution: description.status.name, activities };
    return { description, view: status === undefined ? view : { ...view, status } };
  }

  private async statusOf(description: WorkflowExecutionDescription): Promise<BuildStatus | undefined> {
    const { workflowId, runId, historyLength } = description;
    const known = this.known.get(runId);
    if (known?.length === historyLength) return known.status;
    try {
      const handle = this.factory.client.workflow.getHandle(workflowId, runId);
      const status = await this.factory.call(() => handle.query<BuildStatus>(STATUS_QUERY), QUERY_TIMEOUT);
      this.known.set(runId, { length: historyLength, status });
      return status;
    } catch (error) {
      if (error instanceof PayloadKeyError) throw error;
      // No worker at hand, or the workflow has not begun: what was known last is the best there is.
      return known?.status;
    }
  }

  /** The line itself knows where the build stands now; the build was told when it had come half the way. */
  private async inLine(workflowId: string, status: BuildStatus, waiting: Waiting): Promise<BuildStatus> {
    try {
      const handle = this.factory.client.workflow.getHandle(waiting.queueId);
      const place = await this.factory.call(
        () => handle.query<QueuePosition | null, [string]>(QUEUE_POSITION_QUERY, workflowId),
        QUERY_TIMEOUT,
      );
      if (place === null) return status;
      const { position, of, reason } = place;
      return { ...status, waiting: { ...waiting, position, of, ...(reason === undefined ? {} : { reason }) } };
    } catch {
      return status;
    }
  }

  private async askForWorkers(): Promise<boolean | undefined> {
    if (Date.now() - this.lookedForWorkers < 5000) return this.workers;
    this.lookedForWorkers = Date.now();
    this.workers = await hasWorkers(this.factory);
    return this.workers;
  }
}
