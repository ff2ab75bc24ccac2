import { FactoryError } from '../../domain/errors.js';
import { type Deps, cancellationSignal, sleep } from './context.js';

/** Tries of one call before the whole activity is retried from its beginning. */
const MAX_TRIES = 6;

/**
 * Makes a call, and retries it when it may succeed later. For activities with so many calls that one failure must not
 * cost them all.
 */
export async function withRetries<T>(deps: Pick<Deps, 'pollInterval'>, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      cancellationSignal().throwIfAborted();
      if (!(error instanceof FactoryError && error.retryable) || tries === MAX_TRIES) throw error;
      await sleep(Math.max(deps.pollInterval, (error.retryAfterSeconds ?? 0) * 1000));
    }
  }
}
