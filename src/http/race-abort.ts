/**
 * Waits for a promise that several callers share. If this caller's signal is aborted first, rejects with the signal's
 * reason; the shared promise continues for the other callers.
 * @param share starts the shared work, or returns the promise of work that already runs; not called if the signal is
 *   already aborted
 */
export async function raceAbort<T>(signal: AbortSignal | undefined, share: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return share();
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    void share()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
