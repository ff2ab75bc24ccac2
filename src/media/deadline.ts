import { mediaUnavailableError } from './failures.js';

/**
 * Runs a transfer with a signal that ends it when the caller's does, or after so many seconds.
 *
 * @throws FactoryError MediaUnavailable, retryable, when the seconds are over; the signal's reason on abort
 */
export async function withDeadline<T>(
  { url, seconds, signal }: { url: string; seconds: number; signal?: AbortSignal },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(mediaUnavailableError(url, `not done within ${seconds} s`, { retryable: true })),
    seconds * 1000,
  );
  try {
    return await run(AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]));
  } finally {
    clearTimeout(timer);
  }
}
