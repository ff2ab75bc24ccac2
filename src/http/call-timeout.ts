/** Provides a signal for one call. The signal is aborted when the caller's signal is aborted, or after a time limit. */
export class CallTimeout {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly follow = (): void => this.controller.abort(this.outer?.reason);

  constructor(
    private readonly outer: AbortSignal | undefined,
    milliseconds: number,
  ) {
    this.timer = setTimeout(() => {
      this.controller.abort(new Error(`no answer within ${milliseconds / 1000} s`));
    }, milliseconds);
    outer?.addEventListener('abort', this.follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.follow);
  }
}
