interface Waiter {
  go: () => void;
}

/**
 * Limits calls to a cloud to a steady rate, and lets them start in the order of their arrival. It allows no bursts,
 * because a cloud that limits calls counts them in time windows that we do not know.
 */
export class RateLimiter {
  private waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastCall = 0;

  constructor(private perSecond: number) {}

  /** Changes the rate, also for callers that are already waiting. */
  setRate(perSecond: number): void {
    this.perSecond = perSecond;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.scheduleNext();
  }

  /** Resolves when the caller may make its call. Rejects with the signal's reason on abort. */
  async acquire(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { go: () => settle(resolve) };
      const stop = (): void => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
      };
      const settle = (end: () => void): void => {
        signal?.removeEventListener('abort', stop);
        end();
      };
      signal?.addEventListener('abort', stop, { once: true });
      this.waiters.push(waiter);
      this.scheduleNext();
    });
  }

  private scheduleNext(): void {
    if (this.timer !== undefined || this.waiters.length === 0) return;
    const pause = Math.max(0, this.lastCall + 1000 / this.perSecond - Date.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const waiter = this.waiters.shift();
      if (waiter === undefined) return;
      this.lastCall = Date.now();
      waiter.go();
      this.scheduleNext();
    }, pause);
  }
}
