import { FactoryError } from '../../domain/errors.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { describeShortage } from './describe-shortage.js';

/** How to wait for capacity. */
export interface CapacityWait {
  /** Whether to retry until the deadline while the cloud is short of something. Otherwise the shortage is returned. */
  waits: boolean;
  /** Milliseconds since the epoch. */
  deadline: number;
}

/** Polls between two tries to create something for which the cloud has no room. */
const PAUSE = 2.5;

/**
 * Creates something for which the cloud may have no room now. With `waits` it retries until there is room; otherwise it
 * returns the shortage. A cloud that limits the rate of calls is waited for in either case, for as long as it says.
 * @throws FactoryError with the cloud's own message at the deadline
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
    hint: `${hint === undefined ? '' : `${hint}; `}--parameter quota_timeout waits longer`,
    requestId,
  });
}
