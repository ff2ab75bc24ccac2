import { setTimeout as delay } from 'node:timers/promises';

interface Waiter<T> {
  id: string;
  since: number;
  resolve: (item: T | undefined) => void;
  reject: (error: unknown) => void;
}

/** Bounds of the poll interval, in milliseconds: `shortest` when a wait has just begun, `longest` for long waits. */
export interface PollInterval {
  shortest: number;
  longest: number;
}

/**
 * Polls a list for all callers that wait for one of its items, because a waiting build must make no call of its own
 * (law 4 in docs/architecture.md). Polls only while a caller waits. The interval is a tenth of the time for which the
 * newest wait has lasted, but stays within its bounds.
 */
export class SharedPoll<T extends { id: string }> {
  private waiters: Waiter<T>[] = [];
  private running = false;
  private readonly began = new Map<string, number>();

  /** @param list returns all items; if it fails, every waiting caller gets the error */
  constructor(
    private readonly list: () => Promise<T[]>,
    private readonly interval: PollInterval,
  ) {}

  /**
   * Returns the item from the next poll; undefined when the list does not contain the item. The first call for an item
   * begins the wait for that item, and `stopWaiting` ends the wait.
   */
  next(id: string, signal: AbortSignal): Promise<T | undefined> {
    signal.throwIfAborted();
    if (!this.began.has(id)) this.began.set(id, Date.now());
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { id, since: Date.now(), resolve, reject };
      const stop = (): void => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', stop, { once: true });
      const settle = <A>(end: (value: A) => void) => {
        return (value: A): void => {
          signal.removeEventListener('abort', stop);
          end(value);
        };
      };
      waiter.resolve = settle(resolve);
      waiter.reject = settle(reject);
      this.waiters.push(waiter);
      if (!this.running) void this.run();
    });
  }

  /** Ends the wait for an item. */
  stopWaiting(id: string): void {
    this.began.delete(id);
  }

  private computeDelay(): number {
    const now = Date.now();
    const youngest = Math.min(...this.waiters.map((waiter) => now - (this.began.get(waiter.id) ?? now)));
    return Math.min(this.interval.longest, Math.max(this.interval.shortest, youngest / 10));
  }

  private async run(): Promise<void> {
    this.running = true;
    let last = 0;
    while (this.waiters.length > 0) {
      await delay(Math.max(0, last + this.computeDelay() - Date.now()));
      last = Date.now();
      const served = this.waiters;
      this.waiters = [];
      try {
        const items = new Map((await this.list()).map((item) => [item.id, item]));
        for (const waiter of served) waiter.resolve(items.get(waiter.id));
      } catch (error) {
        for (const waiter of served) waiter.reject(error);
      }
      // The callers whose promises we have just resolved call `next` again in a microtask. During this pause they do
      // so, and the same loop serves them.
      await delay(0);
    }
    this.running = false;
  }
}
