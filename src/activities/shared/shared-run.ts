import { Context } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, type SearchAttributePair } from '@temporalio/common';
import { JOIN_SIGNAL } from '../../domain/messages.js';
import type { BuildRef } from '../../domain/names.js';
import type { BuildFailure } from '../../domain/status.js';
import { workflowTaskQueue } from '../../domain/task-queues.js';
import { cancellable, cancellationSignal, readHeartbeatCheckpoint, reportProgress, type Deps } from './context.js';

/*
 * Runs that several builds share, because their result is found by the digest of its inputs: the installation of a JEOS
 * and the preparation of a base image for a target. A build joins the run, waits for it, and leaves it.
 */

/** A workflow that builds share, and how Temporal shows it. */
export interface SharedRun {
  /** Temporal's type of the workflow. */
  type: string;
  workflowId: string;
  /** Input of the workflow, if it has to be started. */
  input: unknown;
  searchAttributes: SearchAttributePair[];
  staticSummary: string;
  staticDetails: string;
}

/**
 * Joins a shared run, or starts it if it does not run. Returns the run's id. A new run is pinned to this worker's
 * version, even if another version is current by now, because the plan, its digest and its documents come from this
 * version.
 */
export async function joinSharedRun(deps: Deps, ref: BuildRef, run: SharedRun): Promise<string> {
  const handle = await deps.temporal.workflow.signalWithStart(run.type, {
    workflowId: run.workflowId,
    taskQueue: workflowTaskQueue(Context.current().info.taskQueue, 'wait'),
    args: [run.input],
    signal: JOIN_SIGNAL,
    signalArgs: [ref.uuid],
    ...(deps.version === undefined ? {} : { versioningOverride: { pinnedTo: deps.version } }),
    memo: { cloud: ref.cloud },
    typedSearchAttributes: run.searchAttributes,
    staticSummary: run.staticSummary,
    staticDetails: run.staticDetails,
  });
  return handle.signaledRunId;
}

/** How a build finds the result of a shared run. `R`: the result of the workflow. `F`: what the build needs of it. */
export interface SharedResult<R, F> {
  workflowId: string;
  /** What the progress says while the build waits: "installing in jeos-…". */
  waiting: string;
  /** Finds and claims the result of an earlier run. Returns undefined when there is none. */
  find: () => Promise<F | undefined>;
  /** Joins the run, or starts it. Returns the run's id. */
  join: () => Promise<string>;
  /** Claims the result of the run. Returns undefined when the result is gone. */
  claim: (result: R) => Promise<F | undefined>;
  /** Builds the error of a run that has failed. */
  fail: (error: WorkflowFailedError) => Error;
}

/**
 * Finds a shared result, or waits until its run has ended. The heartbeat contains the id of this run: a new attempt
 * waits for the same run, and does not start a second run after the first has failed.
 */
export async function findOrWaitFor<R, F>(deps: Deps, shared: SharedResult<R, F>): Promise<F> {
  let runId = readHeartbeatCheckpoint<string>();
  for (;;) {
    if (runId === undefined) {
      const found = await shared.find();
      if (found !== undefined) return found;
      runId = await shared.join();
    }
    reportProgress({ message: shared.waiting, resume: runId });
    const result = await waitForRun(deps, shared, runId);
    const claimed = result === undefined ? undefined : await shared.claim(result);
    if (claimed !== undefined) return claimed;
    runId = undefined;
  }
}

/**
 * Waits for the end of a run, and returns its result. Returns undefined when the caller must join another run.
 * @throws the error of `fail` when the run has failed
 */
async function waitForRun<R, F>(deps: Deps, shared: SharedResult<R, F>, runId: string): Promise<R | undefined> {
  const { workflowId, fail } = shared;
  const handle = deps.temporal.workflow.getHandle<() => Promise<R>>(workflowId, runId);
  try {
    return await cancellable(deps, () => handle.result());
  } catch (error) {
    cancellationSignal().throwIfAborted();
    if (error instanceof WorkflowNotFoundError) return undefined;
    if (!(error instanceof WorkflowFailedError)) throw error;
    // The run was cancelled because all its builds had left. This build joined too late, and starts another run.
    if (error.cause instanceof CancelledFailure) return undefined;
    if (!(error.cause instanceof TerminatedFailure)) throw fail(error);
    const latest = await deps.temporal.workflow.getHandle(workflowId).describe();
    if (latest.runId === runId) throw fail(error);
    // A reset terminates a run and starts another. The result of the new run counts, even if that run has already
    // ended.
    return latest.status.name === 'RUNNING' ? undefined : waitForRun(deps, shared, latest.runId);
  }
}

/** Reads why a shared run has failed. Returns undefined when the run was ended from outside. */
export function readRunFailure({ cause }: WorkflowFailedError): (Partial<BuildFailure> & { type: string }) | undefined {
  if (!(cause instanceof ApplicationFailure)) return undefined;
  const [failure] = (cause.details ?? []) as [BuildFailure | undefined];
  return { ...failure, message: failure?.message ?? cause.message, type: cause.type ?? '' };
}
