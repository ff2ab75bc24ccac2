import { Context } from '@temporalio/activity';
import { LINE_JOIN_SIGNAL, WORKFLOWS, type LineInput } from '../build/messages.js';
import type { Deps } from './context.js';
import { findOwn } from './create.js';
import { lifeOf } from './living.js';
import type { JoinLine } from './types.js';

/** Polls that pass between two looks at whether those live whose turn it is. */
const CHECK = 15;

/**
 * Joins the line of a project, and starts it if there is none. Who joins twice keeps its place. A build whose instance is
 * there already goes on at once: others may be waiting for that one to go.
 */
export async function joinLine(deps: Deps, { ref, role, line, member }: JoinLine): Promise<{ goesOn: boolean }> {
  const goesOn = (await findOwn(deps, { ref, role })) !== undefined;
  const { taskQueue, heartbeatTimeoutMs = 60_000 } = Context.current().info;
  const input: LineInput = {
    checkEvery: (deps.pollInterval * CHECK) / 1000,
    heartbeatTimeout: heartbeatTimeoutMs / 1000,
  };
  await deps.temporal.workflow.signalWithStart(WORKFLOWS.cloudLine, {
    workflowId: line,
    taskQueue,
    args: [input],
    signal: LINE_JOIN_SIGNAL,
    signalArgs: [member, goesOn, deps.limits[ref.cloud]?.maxConcurrentBuilds ?? null],
    staticSummary: `Line of the builds that create instances in a project (cloud ${ref.cloud})`,
  });
  if (deps.version !== undefined) await keptByCurrent(deps, line);
  return { goesOn };
}

/**
 * Hands the line to the current version whenever that changes, whoever began it: it outlives every release, and would keep
 * an old one from ever ending. From outside, because what a workflow itself says of that is what the worker of its first task
 * said, which other workers, those without a version above all, may not repeat.
 */
async function keptByCurrent({ temporal }: Deps, workflowId: string): Promise<void> {
  await temporal.workflowService.updateWorkflowExecutionOptions({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
    updateMask: { paths: ['versioning_override'] },
  });
}

/** Those of the workflows that do not live. */
export async function endedWorkflows(deps: Deps, { ids }: { ids: string[] }): Promise<string[]> {
  const ended: string[] = [];
  for (const id of ids) {
    if ((await lifeOf(deps, id)) !== 'living') ended.push(id);
  }
  return ended;
}
