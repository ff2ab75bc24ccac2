import { WorkflowNotFoundError } from '@temporalio/client';
import { STATUS_QUERY, WORKFLOWS } from '../../domain/messages.js';
import type { BuildStatus } from '../../domain/status.js';
import type { WorkflowState } from '../../domain/sweep.js';
import { type Deps, reportProgress } from './context.js';

/**
 * Statuses of a workflow that has ended. We treat every other status as running, also one that Temporal may add later.
 */
const CLOSED = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];

/**
 * Returns the state of a workflow's latest run.
 * @throws when Temporal does not answer; state `unknown` means that Temporal has no such workflow
 */
export async function workflowState(deps: Pick<Deps, 'temporal'>, workflowId: string): Promise<WorkflowState> {
  try {
    const { status } = await deps.temporal.workflow.getHandle(workflowId).describe();
    if (status.name === 'COMPLETED') return 'completed';
    return CLOSED.includes(status.name) ? 'ended' : 'running';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

/** An activity of a run. Its id is the same in every attempt. */
export interface ActivityId {
  workflowId: string;
  runId: string;
  activityId: string;
}

/** Whether an activity is running, or will be retried. @throws when Temporal does not answer */
export async function isActivityPending(deps: Pick<Deps, 'temporal'>, activity: ActivityId): Promise<boolean> {
  try {
    const { raw } = await deps.temporal.workflow.getHandle(activity.workflowId, activity.runId).describe();
    return (raw.pendingActivities ?? []).some(({ activityId }) => activityId === activity.activityId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Reads the namespace's retention: seconds for which Temporal keeps a workflow after its end. */
export async function readRetention(deps: Pick<Deps, 'temporal'>): Promise<number> {
  const { namespace } = deps.temporal.options;
  const { config } = await deps.temporal.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
}

/** Whether an installer's run is in progress, on any cloud. */
export async function isInstalling(deps: Pick<Deps, 'temporal'>): Promise<boolean> {
  for await (const workflow of listRunning(deps, WORKFLOWS.jeosImage)) return workflow !== undefined;
  return false;
}

/** Milliseconds within which a build must answer the status query. */
const QUERY_TIMEOUT = 10_000;

/** The builds that start from an image that they share, by the role of that image in their status. */
const HOLDERS = [
  { workflow: WORKFLOWS.baseImage, role: 'jeos_image', what: 'JEOS image' },
  { workflow: WORKFLOWS.targetImage, role: 'prepared_image', what: 'prepared image' },
] as const;

/**
 * Finds the JEOS images and the prepared images that running builds use. Returns a text with the reason when a build
 * does not answer.
 */
export async function findHeldImages(deps: Pick<Deps, 'temporal'>): Promise<Set<string> | string> {
  const held = new Set<string>();
  for (const { workflow, role, what } of HOLDERS) {
    for await (const { workflowId } of listRunning(deps, workflow)) {
      reportProgress({ message: `asking ${workflowId} which ${what} it uses` });
      const handle = deps.temporal.workflow.getHandle(workflowId);
      try {
        const { resources } = await deps.temporal.withDeadline(Date.now() + QUERY_TIMEOUT, () =>
          handle.query<BuildStatus>(STATUS_QUERY),
        );
        if (resources[role] !== undefined) held.add(resources[role]);
      } catch (error) {
        if ((await workflowState(deps, workflowId)) !== 'running') continue;
        const why = error instanceof Error ? error.message : String(error);
        return `build ${workflowId} does not report which ${what} it uses: ${why}`;
      }
    }
  }
  return held;
}

function listRunning(deps: Pick<Deps, 'temporal'>, type: string): AsyncIterable<{ workflowId: string }> {
  return deps.temporal.workflow.list({ query: `WorkflowType = '${type}' AND ExecutionStatus = 'Running'` });
}
