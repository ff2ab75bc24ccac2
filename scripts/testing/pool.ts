interface Waiting {
  seconds: number;
  begin: () => void;
}

/**
 * Runs a limited number of jobs at the same time. Of the waiting jobs, the longest one starts first. If it started
 * last, all other jobs would end before it, and it would run alone.
 */
export class Pool {
  private readonly waiting: Waiting[] = [];

  constructor(private free: number) {}

  /** @param seconds how long the job is expected to take */
  async run<T>(seconds: number, job: () => Promise<T>): Promise<T> {
    if (this.free === 0) await new Promise<void>((begin) => this.waiting.push({ seconds, begin }));
    else this.free -= 1;
    try {
      return await job();
    } finally {
      this.waiting.sort((one, other) => other.seconds - one.seconds);
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next.begin();
    }
  }
}
