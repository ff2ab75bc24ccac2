import { FactoryError } from '../../domain/errors.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { describeShortage } from './describe-shortage.js';

/** A turn to create. */
export interface CapacityWait {
  /** Whether to try, while the cloud is short of something, until the deadline; else that is the answer. */
  waits: boolean;
  /** Milliseconds since the epoch. */
  deadline: number;
}

/** Polls that pass between two tries to create what the cloud has no room for. */
const PAUSE = 2.5;

/**
 * Makes something that the cloud may have no room for now. With patience it is tried until there is room; else what the cloud
 * is short of is the answer. A cloud that asks for fewer calls is waited for in either case, as long as it says.
 * @throws FactoryError of the cloud's own words when the deadline is over
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
  return new FactoryError(type, `still short of it at the deadline of quota_timeout: ${message}`, {
    hint: `${hint === undefined ? '' : `${hint}; `}--parameter quota_timeout waits longer`,
    requestId,
  });
}
