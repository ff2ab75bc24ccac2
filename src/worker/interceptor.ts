import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { latestProgress } from '../activities/shared/context.js';
import { defined } from '../domain/defined.js';
import { FactoryError } from '../domain/errors.js';
import type { FailureDetails } from '../workflows/lifecycle/failures.js';

/** The most characters of a failure's message, and of its console text, in the history. */
const LONGEST_MESSAGE = 4000;

/**
 * Converts a FactoryError into the failure that Temporal records: with our type, message, details and retryability, but
 * without the stack trace of the error. Returns every other error unchanged.
 */
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
    ...defined({ nextRetryDelay: error.retryAfterSeconds === undefined ? undefined : error.retryAfterSeconds * 1000 }),
  });
}

/**
 * Whether the activity was cancelled. If so, every other error of the activity is only a result of the cancellation.
 */
function isStopped(context: Context): boolean {
  return context.cancellationSignal.aborted;
}

/**
 * Wraps every activity. Sends the activity's latest progress as heartbeats until the activity ends, so that Temporal
 * notices a dead worker and delivers cancellations. Converts errors by {@link toFailure}.
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
