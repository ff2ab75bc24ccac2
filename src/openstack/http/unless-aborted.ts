/**
 * Waits for what many share, for one of them: it leaves with its signal's reason, and the others still get their answer.
 * @param share starts what is shared, or joins it; not called when the signal has been given already
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
