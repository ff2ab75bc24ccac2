import type { BuildRef } from '../../domain/names.js';
import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { workflowTaskQueue } from '../../domain/task-queues.js';
import type { QueueAnswer, QueueMember, TurnOutcome } from '../../domain/create-queue.js';
import {
  type QUEUE_TURN_FINISHED_SIGNAL,
  QUEUE_JOIN_SIGNAL,
  type QUEUE_SHORTAGE_SIGNAL,
  QUEUE_TURN_QUERY,
  WORKFLOWS,
  type CreateQueueInput,
} from '../../domain/messages.js';
import { HEARTBEAT_TIMEOUT } from '../../domain/heartbeat.js';
import { cancellable, type Deps } from '../shared/context.js';

/** The data with which a build joins the create queue of its project. */
export interface QueueTicketInput {
  /** Workflow id of the create queue. */
  id: string;
  /** Time when the build first asked for an instance, in milliseconds since the epoch. */
  since: number;
  /** Seconds for which the build waits while the cloud has no capacity. */
  timeout: number;
}

/** After this number of poll intervals, the queue checks again whether the builds with a turn or a slot still run. */
const CHECK = 15;

/** A build in the create queue of its project. */
interface QueuedBuild {
  ref: BuildRef;
  queue: QueueTicketInput;
}

/**
 * Joins the create queue of a project, starts it if it does not run, and returns the build's turn or its position. A
 * build that joins twice keeps its position. A build that has an instance already gets its turn at once, because other
 * builds may wait until that instance is deleted.
 * @returns undefined when the queue has just expelled the build
 */
export async function joinCreateQueue(
  deps: Deps,
  { ref, queue }: QueuedBuild,
  hasInstance: boolean,
): Promise<QueueAnswer | undefined> {
  const { taskQueue, heartbeatTimeoutMs } = Context.current().info;
  const input: CreateQueueInput = {
    checkEvery: (deps.pollInterval * CHECK) / 1000,
    heartbeatTimeout: heartbeatTimeoutMs === undefined ? HEARTBEAT_TIMEOUT : heartbeatTimeoutMs / 1000,
  };
  const member: QueueMember = { id: ref.workflowId, since: queue.since, timeout: queue.timeout };
  await deps.temporal.workflow.signalWithStart(WORKFLOWS.createQueue, {
    workflowId: queue.id,
    taskQueue: workflowTaskQueue(taskQueue, 'wait'),
    args: [input],
    signal: QUEUE_JOIN_SIGNAL,
    signalArgs: [member, hasInstance, deps.limits[ref.cloud]?.maxConcurrentBuilds ?? null],
    memo: { cloud: ref.cloud },
    staticSummary: `Queue of the builds that create instances in a project (cloud ${ref.cloud})`,
  });
  if (deps.version !== undefined) await pinToCurrentVersion(deps, queue.id);
  // Temporal answers a query only after the workflow has handled all earlier signals, so the answer includes our
  // signal.
  const handle = deps.temporal.workflow.getHandle(queue.id);
  const query = () => handle.query<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY, member.id);
  return (await cancellable(deps, query)) ?? undefined;
}

/** Signals to the create queue of a project how a build's turn has ended, or that the cloud has a shortage. */
export async function signalCreateQueue(
  { temporal }: Deps,
  { ref, queue }: QueuedBuild,
  ...[signal, word]: [typeof QUEUE_TURN_FINISHED_SIGNAL, TurnOutcome] | [typeof QUEUE_SHORTAGE_SIGNAL, string]
): Promise<void> {
  try {
    await temporal.workflow.getHandle(queue.id).signal(signal, ref.workflowId, word, Date.now());
  } catch (error) {
    // The queue has ended, so it no longer needs the signal.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/**
 * Lets the queue's workflow move to each new current version of the worker. The queue runs longer than any release;
 * without this, the workers of an old release could never stop. We set this from outside the workflow and not in its
 * code, because a worker without a version, or of another release, may not set the same value.
 */
async function pinToCurrentVersion({ temporal }: Deps, workflowId: string): Promise<void> {
  await temporal.workflowService.updateWorkflowExecutionOptions({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
    updateMask: { paths: ['versioning_override'] },
  });
}
