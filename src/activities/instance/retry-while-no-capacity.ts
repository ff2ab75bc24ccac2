import { FactoryError } from '../../domain/errors.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { describeShortage } from './describe-shortage.js';

/** How to wait for capacity. */
export interface CapacityWait {
  /** True: retry until the deadline while the cloud has no capacity. False: return the shortage. */
  waits: boolean;
  /** Time after which a shortage is an error, in milliseconds since the epoch. */
  deadline: number;
}

/** Pause between two tries while the cloud has no capacity, in poll intervals. */
const PAUSE = 2.5;

/**
 * Calls `make`, which creates a resource for which the cloud may have no capacity now. If `waits` is true, retries
 * until the cloud has capacity; if false, returns the shortage. When the cloud limits the rate of calls, retries in
 * both cases, after the time that the cloud asks for.
 * @throws FactoryError with the cloud's own message when the deadline has passed
 */
export async function retryWhileNoCapacity<T extends object>(
  deps: Pick<Deps, 'pollInterval'>,
  turn: CapacityWait,
  make: () => Promise<T>,
): Promise<(T & { waited: boolean }) | ({ [K in keyof T]?: undefined } & { short: string })> {
  for (let waited = false; ; waited = true) {
    try {
      return { ...(await make()), waited };
    } catch (error) {
      cancellationSignal().throwIfAborted();
      const short = describeShortage(error);
      if (short === undefined) throw error;
      const { type, retryAfterSeconds = 0 } = error as FactoryError;
      if (!turn.waits && type !== 'RateLimited') return { short } as { [K in keyof T]?: undefined } & { short: string };
      if (Date.now() >= turn.deadline) throw quotaTimeoutError(error as FactoryError);
      reportProgress({ message: `waiting for ${short}` });
      await sleep(Math.max(deps.pollInterval * PAUSE, retryAfterSeconds * 1000));
    }
  }
}

function quotaTimeoutError({ type, message, hint, requestId }: FactoryError): FactoryError {
  return new FactoryError(type, `quota_timeout expired, and the cloud still has no capacity: ${message}`, {
    hint: `${hint === undefined ? '' : `${hint}; `}to wait longer: --parameter quota_timeout SECONDS`,
    requestId,
  });
}
