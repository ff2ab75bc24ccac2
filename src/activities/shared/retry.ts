import { FactoryError } from '../../domain/errors.js';
import { type Deps, cancellationSignal, sleep } from './context.js';

/** How often one call of many is made before the whole activity is tried again from its beginning. */
const MAX_TRIES = 6;

/**
 * Makes a call, and makes it again when it may succeed later: for activities that make so many calls that one failure
 * among them must not cost them all.
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
