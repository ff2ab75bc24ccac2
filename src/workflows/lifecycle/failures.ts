import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';

/** The details of an activity's failure. `toFailure` in src/worker/interceptor.ts makes them from a FactoryError. */
export interface FailureDetails {
  hint?: string;
  consoleTail?: string;
}

export interface FailureText extends FailureDetails {
  type: string;
  message: string;
}

/** Whether the error is a cancellation, either of the workflow or of a scope in it. */
export function isCanceled(error: unknown): boolean {
  return isCancellation(error);
}

function detailsOf(failure: ApplicationFailure): FailureDetails {
  const [first] = failure.details ?? [];
  return typeof first === 'object' && first !== null ? first : {};
}

/** Finds the innermost cause of a failed step, and describes it for people. */
export function describeFailure(error: unknown): FailureText {
  if (error instanceof ActivityFailure && error.cause !== undefined) return describeFailure(error.cause);
  if (error instanceof TimeoutFailure) {
    if (error.cause !== undefined && error.cause !== null) {
      const last = describeFailure(error.cause);
      return { ...last, message: `the step did not succeed within its time limit; last error: ${last.message}` };
    }
    const message =
      error.timeoutType === 'HEARTBEAT'
        ? 'the worker that ran this step stopped sending heartbeats, and no other worker took the step over in time'
        : 'this step did not end within its time limit';
    return { type: 'DeadlineExceeded', message };
  }
  if (error instanceof ApplicationFailure) {
    return { type: error.type ?? 'Internal', message: error.message, ...detailsOf(error) };
  }
  return { type: 'Internal', message: error instanceof Error ? error.message : String(error) };
}

/**
 * Whether a step failed because a workflow reset took the build back to a time when it had resources that no longer
 * exist. Then it is useless to try the step again.
 */
export function isLostByReset(error: unknown): boolean {
  return describeFailure(error).type === 'LostByReset';
}

/** Whether a step failed because the build was reset although it already had its image. */
export function isAlreadyBuilt(error: unknown): boolean {
  return describeFailure(error).type === 'AlreadyBuilt';
}
