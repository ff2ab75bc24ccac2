import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { HEARTBEAT_TIMEOUT } from '../domain/heartbeat.js';
import type { BuildMaskers } from '../activities/shared/build-maskers.js';
import { latestProgress, setMasker } from '../activities/shared/context.js';
import { cutEnd, cutStart } from '../domain/cut.js';
import { defined } from '../domain/defined.js';
import { FactoryError } from '../domain/errors.js';
import type { Masker } from '../planning/masker.js';
import { maskTexts } from '../planning/mask-texts.js';
import type { FailureDetails } from '../workflows/lifecycle/failures.js';
import { whileMasked } from './active-maskers.js';
import { maskFailure } from './mask-failure.js';

/** Maximum number of characters of a failure's message in the history. The same limit applies to its console text. */
const LONGEST_MESSAGE = 4000;

/**
 * Converts the error of an activity into the failure that Temporal records, without secrets. A FactoryError becomes a
 * failure with our type, message, details and retryability, but without the stack trace of the error.
 */
export function toFailure(error: unknown, masker: Masker): unknown {
  if (!(error instanceof FactoryError)) return maskFailure(error, masker);
  // We mask a text before we cut it. Otherwise the cut could leave a part of a secret, which the masker would not find.
  const mask = (text: string | undefined): string | undefined => (text === undefined ? undefined : masker.mask(text));
  const console = mask(error.consoleTail);
  const details: FailureDetails = {
    hint: mask(error.hint),
    consoleTail: console === undefined ? undefined : cutStart(console, LONGEST_MESSAGE),
  };
  const request =
    error.requestId === undefined || error.message.includes(error.requestId) ? '' : ` (request ${error.requestId})`;
  const message = `${cutEnd(masker.mask(error.message), LONGEST_MESSAGE)}${request}`;
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
 *
 * Law 7 of docs/architecture.md: everything that an activity sends to Temporal or to the log has the secrets of its
 * build masked. This class masks results, errors and log entries. `reportProgress` masks heartbeats with the masker
 * that is set here.
 */
export class StepInterceptor implements ActivityInboundCallsInterceptor {
  constructor(private readonly maskers: BuildMaskers) {}

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const context = Context.current();
    const timeout = context.info.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT * 1000;
    const first: unknown = context.info.heartbeatDetails;
    const beat = setInterval(() => context.heartbeat(latestProgress(context) ?? first), Math.min(2000, timeout / 4));
    try {
      const masker = await this.maskers.load(input.args[0] ?? {});
      setMasker(context, masker);
      return await whileMasked(masker, () => runMasked(masker, () => next(input)));
    } finally {
      clearInterval(beat);
    }
  }
}

async function runMasked(masker: Masker, run: () => Promise<unknown>): Promise<unknown> {
  const context = Context.current();
  try {
    return maskTexts(await run(), masker);
  } catch (error) {
    if (isStopped(context) && !(error instanceof CancelledFailure)) await context.cancelled;
    throw toFailure(error, masker);
  }
}
