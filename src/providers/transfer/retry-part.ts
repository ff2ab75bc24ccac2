import { FactoryError } from '../../domain/errors.js';
import type { Operation } from '../types.js';

/** Tries of one part of an upload within one attempt. Then the step fails, and Temporal starts the next attempt. */
const TRIES = 5;
/** Milliseconds before the second try. Each later pause is twice as long. */
const FIRST_PAUSE = 500;
/** Milliseconds of the longest pause. If the provider asks for a longer one, the step ends, and Temporal waits. */
const LONGEST_PAUSE = 30_000;

/**
 * Sends one part of an upload, and tries again when the failure is one that passes: no answer, too many requests. A
 * single lost connection among thousands of parts so costs one part, not the attempt. `send` must be safe to run twice.
 */
export async function retryPart<T>(
  operation: Pick<Operation, 'signal' | 'sleep'>,
  send: () => Promise<T>,
  pause = FIRST_PAUSE,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      operation.signal.throwIfAborted();
      if (!(error instanceof FactoryError) || !error.retryable || tries === TRIES) throw error;
      const asked = (error.retryAfterSeconds ?? 0) * 1000;
      if (asked > LONGEST_PAUSE) throw error;
      await operation.sleep(Math.min(LONGEST_PAUSE, Math.max(asked, pause * 2 ** (tries - 1))));
    }
  }
}
