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
import { cancellable, type Deps } from '../shared/context.js';

/** A build's ticket for its project's create queue. */
export interface QueueTicketInput {
  /** Workflow id of the queue. */
  id: string;
  /** Milliseconds since the epoch: when the build first asked for an instance. */
  since: number;
  /** Seconds for which the build waits while the cloud is short of something. */
  timeout: number;
}

/** Polls between two checks of the queue whether the builds with a turn still run. */
const CHECK = 15;

/** A build in the create queue of its project. */
interface QueuedBuild {
  ref: BuildRef;
  queue: QueueTicketInput;
}

/**
 * Joins a project's create queue, which is started if there is none, and returns the build's turn or position. A build
 * that joins twice keeps its position. A build whose instance exists has its turn at once: others may be waiting for
 * that instance to go.
 * @returns undefined when the queue has just expelled the build
 */
export async function joinCreateQueue(
  deps: Deps,
  { ref, queue }: QueuedBuild,
  hasInstance: boolean,
): Promise<QueueAnswer | undefined> {
  const { taskQueue, heartbeatTimeoutMs = 60_000 } = Context.current().info;
  const input: CreateQueueInput = {
    checkEvery: (deps.pollInterval * CHECK) / 1000,
    heartbeatTimeout: heartbeatTimeoutMs / 1000,
  };
  const member: QueueMember = { id: ref.workflowId, since: queue.since, timeout: queue.timeout };
  await deps.temporal.workflow.signalWithStart(WORKFLOWS.createQueue, {
    workflowId: queue.id,
    taskQueue: workflowTaskQueue(taskQueue, 'wait'),
    args: [input],
    signal: QUEUE_JOIN_SIGNAL,
    signalArgs: [member, hasInstance, deps.limits[ref.cloud]?.maxConcurrentBuilds ?? null],
    staticSummary: `Line of the builds that create instances in a project (cloud ${ref.cloud})`,
  });
  if (deps.version !== undefined) await pinToCurrentVersion(deps, queue.id);
  // Temporal answers a query only after the workflow has handled all earlier signals.
  const handle = deps.temporal.workflow.getHandle(queue.id);
  const query = () => handle.query<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY, member.id);
  return (await cancellable(deps, query)) ?? undefined;
}

/** Tells a project's create queue the outcome of a build's turn. */
export async function signalCreateQueue(
  { temporal }: Deps,
  { ref, queue }: QueuedBuild,
  ...[signal, word]: [typeof QUEUE_TURN_FINISHED_SIGNAL, TurnOutcome] | [typeof QUEUE_SHORTAGE_SIGNAL, string]
): Promise<void> {
  try {
    await temporal.workflow.getHandle(queue.id).signal(signal, ref.workflowId, word, Date.now());
  } catch (error) {
    // The queue has ended, and knows nothing of the build any more.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/**
 * Lets the queue move to each new current version: it outlives every release, and would otherwise keep an old one
 * running. This is set from outside, because what a workflow sets for itself comes from the worker of its first task,
 * and other workers, above all those without a version, may not repeat it.
 */
async function pinToCurrentVersion({ temporal }: Deps, workflowId: string): Promise<void> {
  await temporal.workflowService.updateWorkflowExecutionOptions({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
    updateMask: { paths: ['versioning_override'] },
  });
}
