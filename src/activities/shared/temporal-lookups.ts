import { WorkflowNotFoundError } from '@temporalio/client';
import { STATUS_QUERY, WORKFLOWS } from '../../domain/messages.js';
import type { BuildStatus } from '../../domain/status.js';
import type { WorkflowState } from '../../domain/sweep-rules.js';
import { type Deps, reportProgress } from './context.js';

/** States in which nobody works on a workflow any more. Every other one, a new one of Temporal's too, counts as living. */
const CLOSED = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];

/** What Temporal says of a workflow's latest run. @throws when Temporal cannot be asked: not knowing is not `unknown` */
export async function workflowState(deps: Pick<Deps, 'temporal'>, workflowId: string): Promise<WorkflowState> {
  try {
    const { status } = await deps.temporal.workflow.getHandle(workflowId).describe();
    if (status.name === 'COMPLETED') return 'completed';
    return CLOSED.includes(status.name) ? 'ended' : 'living';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

/** An activity of a run, by what it stays the same by from try to try. */
export interface ActivityId {
  workflowId: string;
  runId: string;
  activityId: string;
}

/** Whether an activity is under way, or will be tried again. @throws when Temporal cannot be asked */
export async function isActivityPending(deps: Pick<Deps, 'temporal'>, activity: ActivityId): Promise<boolean> {
  try {
    const { raw } = await deps.temporal.workflow.getHandle(activity.workflowId, activity.runId).describe();
    return (raw.pendingActivities ?? []).some(({ activityId }) => activityId === activity.activityId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Seconds for which Temporal remembers a workflow after its end. */
export async function readRetention(deps: Pick<Deps, 'temporal'>): Promise<number> {
  const { namespace } = deps.temporal.options;
  const { config } = await deps.temporal.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
}

/** Whether an installer's run lives, on whichever cloud. */
export async function isInstalling(deps: Pick<Deps, 'temporal'>): Promise<boolean> {
  for await (const workflow of listRunning(deps, WORKFLOWS.jeosImage)) return workflow !== undefined;
  return false;
}

/** Milliseconds that a build may take to say what it holds. */
const QUERY_TIMEOUT = 10_000;

/** JEOS images that living builds hold, or in words why nobody knows. */
export async function findHeldJeosImages(deps: Pick<Deps, 'temporal'>): Promise<Set<string> | string> {
  const held = new Set<string>();
  for await (const { workflowId } of listRunning(deps, WORKFLOWS.baseImage)) {
    reportProgress({ message: `asking ${workflowId} which JEOS it holds` });
    const handle = deps.temporal.workflow.getHandle(workflowId);
    try {
      const { resources } = await deps.temporal.withDeadline(Date.now() + QUERY_TIMEOUT, () =>
        handle.query<BuildStatus>(STATUS_QUERY),
      );
      if (resources['jeos_image'] !== undefined) held.add(resources['jeos_image']);
    } catch (error) {
      if ((await workflowState(deps, workflowId)) !== 'living') continue;
      return `build ${workflowId} does not say which JEOS it holds: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return held;
}

function listRunning(deps: Pick<Deps, 'temporal'>, type: string): AsyncIterable<{ workflowId: string }> {
  return deps.temporal.workflow.list({ query: `WorkflowType = '${type}' AND ExecutionStatus = 'Running'` });
}
