import type { Logger } from '@temporalio/worker';

/** Milliseconds between two calls. */
const INTERVAL = 3000;
/**
 * gRPC codes of errors that count as an answer from Temporal: PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED. For
 * example, some credentials allow builds, but not the call that `TemporalWatch` makes.
 */
const ANSWERS = new Set([7, 8, 12]);

/**
 * Watches whether Temporal answers, because the SDK's workers do not report an outage: they only try again, and their
 * state stays RUNNING. Logs one line when an outage begins, and one when it ends.
 */
export class TemporalWatch {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private outage: { since: number; reason: string } | undefined;

  /** Why Temporal does not answer; undefined while it answers. */
  get trouble(): string | undefined {
    return this.outage?.reason;
  }

  /**
   * Begins to watch; the first call has ended when the promise resolves.
   *
   * @param call a call to Temporal that ends within seconds
   */
  async start(call: () => Promise<unknown>, address: string, logger: Logger): Promise<void> {
    const trouble = await call().then(
      () => undefined,
      (error: unknown) => describeTrouble(error),
    );
    if (trouble !== undefined && this.outage === undefined) {
      this.outage = { since: Date.now(), reason: trouble };
      logger.warn(`Temporal does not answer at ${address}: ${trouble}; the worker tries again until it does`);
    } else if (trouble === undefined && this.outage !== undefined) {
      const seconds = Math.round((Date.now() - this.outage.since) / 1000);
      this.outage = undefined;
      logger.info(`Temporal answers again after ${seconds} s`);
    }
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.start(call, address, logger), INTERVAL);
    this.timer.unref();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }
}

/** Describes in one line why Temporal does not answer. Returns undefined when the error is an answer of Temporal. */
function describeTrouble(error: unknown): string | undefined {
  const { code, details, message } = error as { code?: number; details?: string; message: string };
  if (code !== undefined && ANSWERS.has(code)) return undefined;
  // 4 is DEADLINE_EXCEEDED. The SDK tries a lost connection again until the deadline, and its error text describes only
  // the last try. So we use our own text.
  return code === 4 ? 'no answer in time' : (details || message).split('\n')[0];
}
