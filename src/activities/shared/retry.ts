import { FactoryError } from '../../domain/errors.js';
import { type Deps, cancellationSignal, sleep } from './context.js';

/** Maximum number of tries of one call. After the last one, Temporal retries the whole activity from its beginning. */
const MAX_TRIES = 6;

/**
 * Makes a call, and retries it when it may succeed later. Activities with many calls use this, so that one failed call
 * does not make them repeat all others.
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
