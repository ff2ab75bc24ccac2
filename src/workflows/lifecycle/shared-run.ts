import { CancellationScope, defineSignal, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { JOIN_SIGNAL, LEAVE_SIGNAL } from '../../domain/messages.js';
import type { BuildStatusModel } from './build-status.js';

/**
 * Makes this workflow a run that builds share: they join it and leave it. When the last build leaves before the run
 * ends, the run cancels itself. Returns the function that runs the work of the workflow.
 */
export function allowBuildsToJoin(status: Pick<BuildStatusModel, 'requestCancel'>): CancellationScope['run'] {
  const run = new CancellationScope({ cancellable: true });
  const waitingBuilds = new Set<string>();
  setHandler(defineSignal<[string]>(JOIN_SIGNAL), (joining) => void waitingBuilds.add(joining));
  setHandler(defineSignal<[string]>(LEAVE_SIGNAL), (leaving) => {
    if (!waitingBuilds.delete(leaving) || waitingBuilds.size > 0) return;
    status.requestCancel();
    run.cancel();
  });
  return (work) => run.run(work);
}

/** Leaves a run that builds share, after a cancellation of the build. */
export async function leaveSharedRun(workflowId: string, uuid: string): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await getExternalWorkflowHandle(workflowId).signal(LEAVE_SIGNAL, uuid);
    } catch {
      // The run has ended or never started, so there is nothing to leave.
    }
  });
}
