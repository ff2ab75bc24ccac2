/** Grants at most a number of permits per second. Callers do not wait for a permit: they try again later. */
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
