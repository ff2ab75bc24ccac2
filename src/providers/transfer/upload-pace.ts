import { formatSize } from '../../domain/sizes.js';
import type { Operation } from '../types.js';

/** Seconds over which the speed is measured that users see. */
const WINDOW = 30;
/** Milliseconds between two samples for the speed. */
const SAMPLE = 500;

/**
 * Shows the progress of an upload to the user, with bytes a second and the time that is left, and holds it to the rate
 * that the user allows.
 */
export class UploadPace {
  private done = 0;
  /** When the next bytes may be sent, in milliseconds since 1970. */
  private next = 0;
  private samples: { at: number; done: number }[] = [];

  /**
   * @param title what happens, for people: "uploading debian-12.raw to bucket images"
   * @param total bytes of the whole upload
   */
  constructor(
    private readonly operation: Operation,
    private readonly title: string,
    private readonly total: number,
  ) {}

  /** Counts bytes that need not be sent: holes, and what an earlier attempt has sent. */
  skip(bytes: number): void {
    this.done += bytes;
    // They do not count as speed.
    for (const sample of this.samples) sample.done += bytes;
    this.report();
  }

  /** Waits until so many bytes may be sent. Call it before each part; then call {@link sent}. */
  async acquire(bytes: number): Promise<void> {
    const { uploadRate } = this.operation;
    if (uploadRate === undefined) return;
    const now = Date.now();
    // What a stall has missed is not made up for: the rate is that of each moment, not an average.
    const due = Math.max(now, this.next);
    this.next = due + (bytes / uploadRate) * 1000;
    const pause = due - now;
    if (pause > 0) await this.operation.sleep(pause);
  }

  /** Counts bytes that the provider has accepted. */
  sent(bytes: number): void {
    this.done += bytes;
    this.report();
  }

  private report(): void {
    const now = Date.now();
    if (now - (this.samples.at(-1)?.at ?? 0) >= SAMPLE) this.samples.push({ at: now, done: this.done });
    while (this.samples.length > 2 && now - (this.samples[0]?.at ?? now) > WINDOW * 1000) this.samples.shift();
    const [first] = this.samples;
    const seconds = first === undefined ? 0 : (now - first.at) / 1000;
    const rate = first === undefined || seconds < 1 ? undefined : (this.done - first.done) / seconds;
    const speed =
      rate === undefined || rate <= 0 ? '' : `, ${formatSize(rate)}/s, ${formatLeft(this.total - this.done, rate)}`;
    this.operation.report({
      message: `${this.title}: ${formatSize(this.done)} of ${formatSize(this.total)}${speed}`,
      percent: this.total === 0 ? 100 : Math.min(100, Math.floor((this.done / this.total) * 100)),
    });
  }
}

function formatLeft(bytes: number, rate: number): string {
  const seconds = Math.max(0, Math.ceil(bytes / rate));
  if (seconds < 90) return `${seconds} s left`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min left` : `${(seconds / 3600).toFixed(1)} h left`;
}
