/** Grants at most `perSecond` permits per second. A caller that gets no permit does not wait: it tries again later. */
export class Throttle {
  private permits: number;
  private last = Date.now();

  constructor(private readonly perSecond: number) {
    this.permits = Math.max(1, perSecond);
  }

  /** Takes a permit; returns false if there is none now. */
  tryTake(): boolean {
    const now = Date.now();
    this.permits = Math.min(Math.max(1, this.perSecond), this.permits + ((now - this.last) / 1000) * this.perSecond);
    this.last = now;
    if (this.permits < 1) return false;
    this.permits -= 1;
    return true;
  }
}
