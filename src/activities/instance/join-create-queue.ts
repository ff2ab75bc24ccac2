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

/** A build's place in its project's line. */
export interface QueueTicketInput {
  /** Workflow id of the line. */
  id: string;
  /** Milliseconds since the epoch: when the build first asked. */
  since: number;
  /** Seconds that it waits for a cloud that is short of something. */
  timeout: number;
}

/** Polls that pass between two looks at whether those live whose turn it is. */
const CHECK = 15;

/** A build in the create queue of its project. */
interface QueuedBuild {
  ref: BuildRef;
  queue: QueueTicketInput;
}

/**
 * Joins a project's line, which is started if there is none, and answers how the build stands there. Who joins twice keeps its
 * place. A build whose instance is there already has its turn at once: others may be waiting for that one to go.
 *
 * @returns undefined when the line has just sent it away
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
  // Temporal answers a query only when what was signalled before has been seen to.
  const handle = deps.temporal.workflow.getHandle(queue.id);
  const query = () => handle.query<QueueAnswer | null, [string]>(QUEUE_TURN_QUERY, member.id);
  return (await cancellable(deps, query)) ?? undefined;
}

/** Tells a project's line what has become of a build's turn. */
export async function signalCreateQueue(
  { temporal }: Deps,
  { ref, queue }: QueuedBuild,
  ...[signal, word]: [typeof QUEUE_TURN_FINISHED_SIGNAL, TurnOutcome] | [typeof QUEUE_SHORTAGE_SIGNAL, string]
): Promise<void> {
  try {
    await temporal.workflow.getHandle(queue.id).signal(signal, ref.workflowId, word, Date.now());
  } catch (error) {
    // It has ended, and holds nothing for us.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/**
 * Hands the line to the current version whenever that changes, whoever began it: it outlives every release, and would keep
 * an old one from ever ending. From outside, because what a workflow itself says of that is what the worker of its first task
 * said, which other workers, those without a version above all, may not repeat.
 */
async function pinToCurrentVersion({ temporal }: Deps, workflowId: string): Promise<void> {
  await temporal.workflowService.updateWorkflowExecutionOptions({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
    updateMask: { paths: ['versioning_override'] },
  });
}
