import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { latestProgress } from '../activities/shared/context.js';
import { FactoryError } from '../domain/errors.js';
import type { FailureDetails } from '../workflows/lifecycle/failures.js';

/** Bytes of a failure's message that go into the history. */
const LONGEST_MESSAGE = 4000;

/** The failure that Temporal records: type, message and class of ours; never a stack of the worker's. */
export function toFailure(error: unknown): unknown {
  if (!(error instanceof FactoryError)) return error;
  const details: FailureDetails = { hint: error.hint, consoleTail: error.consoleTail?.slice(-LONGEST_MESSAGE) };
  const request =
    error.requestId === undefined || error.message.includes(error.requestId) ? '' : ` (request ${error.requestId})`;
  const message = `${error.message.slice(0, LONGEST_MESSAGE)}${request}`;
  return ApplicationFailure.create({
    type: error.type,
    message,
    nonRetryable: !error.retryable,
    details: [details],
    ...(error.retryAfterSeconds === undefined ? {} : { nextRetryDelay: error.retryAfterSeconds * 1000 }),
  });
}

/** An activity that was told to stop says so itself; what it was doing then fails for that reason only. */
function isStopped(context: Context): boolean {
  return context.cancellationSignal.aborted;
}

/**
 * Around every activity: heartbeats its last report until it ends, so that a dead worker is noticed and a cancellation
 * heard, and turns errors into recorded failures of their class.
 */
export class StepInterceptor implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const context = Context.current();
    const timeout = context.info.heartbeatTimeoutMs ?? 60_000;
    const first: unknown = context.info.heartbeatDetails;
    const beat = setInterval(() => context.heartbeat(latestProgress(context) ?? first), Math.min(2000, timeout / 4));
    try {
      return await next(input);
    } catch (error) {
      if (isStopped(context) && !(error instanceof CancelledFailure)) await context.cancelled;
      throw toFailure(error);
    } finally {
      clearInterval(beat);
    }
  }
}
