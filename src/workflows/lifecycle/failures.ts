import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';

/** What an activity adds to its failure: see the worker's interceptor, which makes it from a FactoryError. */
export interface FailureDetails {
  hint?: string;
  consoleTail?: string;
}

export interface FailureText extends FailureDetails {
  type: string;
  message: string;
}

/** Whether the error is a cancellation, of the workflow or of a scope. */
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
      return { ...last, message: `gave up trying: ${last.message}` };
    }
    const message =
      error.timeoutType === 'HEARTBEAT'
        ? 'the worker that ran this step went silent, and no other took it over in time'
        : 'this step did not end in its time';
    return { type: 'DeadlineExceeded', message };
  }
  if (error instanceof ApplicationFailure) {
    return { type: error.type ?? 'Internal', message: error.message, ...detailsOf(error) };
  }
  return { type: 'Internal', message: error instanceof Error ? error.message : String(error) };
}

/**
 * Whether the build was reset to a time when it had resources that are gone now: trying that step again is
 * useless.
 */
export function isLostByReset(error: unknown): boolean {
  return describeFailure(error).type === 'LostByReset';
}

/** Whether the build was reset though it had its image already. */
export function isAlreadyBuilt(error: unknown): boolean {
  return describeFailure(error).type === 'AlreadyBuilt';
}
