import { setTimeout as delay } from 'node:timers/promises';

interface Waiter<T> {
  id: string;
  since: number;
  resolve: (item: T | undefined) => void;
  reject: (error: unknown) => void;
}

/** How often to ask, in milliseconds: from `shortest` while somebody has just begun to wait, up to `longest`. */
export interface PollInterval {
  shortest: number;
  longest: number;
}

/**
 * One list call serves everybody who waits for one of its items (law 4: a waiting build costs no call of its own). It
 * asks only while somebody waits, and the more slowly the longer they have waited.
 */
export class SharedPoll<T extends { id: string }> {
  private waiters: Waiter<T>[] = [];
  private running = false;
  private readonly began = new Map<string, number>();

  /** @param list answers all items; its errors go to everybody who waits */
  constructor(
    private readonly list: () => Promise<T[]>,
    private readonly interval: PollInterval,
  ) {}

  /**
   * The item as the next poll shows it, or undefined when the list does not have it. The first call for an item begins
   * its wait, `done` ends it.
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

  /** Nobody waits for this item any more. */
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
      // What was resolved asks again in a microtask; without this turn the loop would end and start anew each time.
      await delay(0);
    }
    this.running = false;
  }
}
