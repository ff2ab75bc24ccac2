import { mediaUnavailableError } from './failures.js';

/**
 * Runs a transfer with a time limit. `run` gets a signal that is aborted when the caller's signal is aborted, or when
 * the time limit is over.
 *
 * @param seconds the time limit
 * @throws FactoryError MediaUnavailable, retryable, when the time limit is over; the signal's reason on abort
 */
export async function withDeadline<T>(
  { url, seconds, signal }: { url: string; seconds: number; signal?: AbortSignal },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () =>
      timeout.abort(mediaUnavailableError(url, `the transfer did not end within ${seconds} s`, { retryable: true })),
    seconds * 1000,
  );
  try {
    return await run(AbortSignal.any([timeout.signal, ...(signal === undefined ? [] : [signal])]));
  } finally {
    clearTimeout(timer);
  }
}
