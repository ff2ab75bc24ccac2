import { setTimeout as pause } from 'node:timers/promises';

/**
 * Minutes for which a test waits for a condition. The value is less than the timeout of a test file, so the test fails
 * with an error that names the condition.
 */
export const WAIT_MINUTES = 8;
/** Milliseconds between two calls of `look`. */
const INTERVAL = 20;

type Found<T> = T | undefined | false;

/**
 * Calls `look` until it returns a value other than `undefined` and `false`, and returns that value. Use it only for a
 * condition that stays true: the function can miss a condition that is true only for a moment.
 *
 * @param what the condition in words, for the error
 * @param signal when it is aborted, the waiting ends. Default: the waiting ends after {@link WAIT_MINUTES}
 * @throws Error that names the condition, when the waiting ends
 */
export async function until<T>(
  look: () => Found<T> | Promise<Found<T>>,
  what: string,
  signal = AbortSignal.timeout(WAIT_MINUTES * 60_000),
): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (signal.aborted) throw new Error(`did not happen in time: ${what}`, { cause: signal.reason });
    await pause(INTERVAL);
  }
}
