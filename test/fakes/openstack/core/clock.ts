/** The time of the fake cloud: the durations of its operations, and the timers. */

/** Milliseconds that the operations take on a real cloud on a small machine. */
export const REAL_DURATIONS = {
  schedule: 600,
  /** From scheduled to ACTIVE. */
  build: 7000,
  /** From ACTIVE to sshd answering. */
  boot: 10_000,
  /** From sshd answering to the end of cloud-init. */
  cloudInit: 1000,
  /** From ACTIVE to an installer's power-off. */
  install: 60_000,
  /** From the power-off inside the guest to SHUTOFF. */
  powerOffSeen: 4000,
  stop: 5000,
  start: 5000,
  reboot: 6000,
  snapshotPending: 300,
  snapshot: 600,
  snapshotUpload: 1400,
  delete: 3900,
  /**
   * `importStart`: from the request to import an image to `importing`; `importEnd`: from `active` to the end of the
   * task.
   */
  importStart: 50,
  importEnd: 50,
  /** From the creation of a volume to `available`, or to `downloading` when it is created from an image. */
  volumeCreate: 500,
  volumeDownload: 500,
  /** Until the volumes of a server are attached, before `build`. */
  volumeAttach: 1000,
  volumeUpload: 700,
  volumeDelete: 200,
  floatingIp: 1000,
};

export type Durations = typeof REAL_DURATIONS;

/**
 * The durations of a fake cloud in milliseconds: the real ones divided by `speedUp`, except those that are
 * `explicit`.
 */
export function scaleDurations(speedUp: number, explicit: Partial<Durations> = {}): Durations {
  const divided = Object.fromEntries(
    Object.entries(REAL_DURATIONS).map(([name, ms]) => [name, ms / speedUp]),
  ) as Durations;
  return { ...divided, ...explicit };
}

/** Timers that the cloud cancels when it closes. */
export class Clock {
  private readonly timers = new Set<NodeJS.Timeout>();
  private closed = false;

  constructor(readonly durations: Durations) {}

  now(): number {
    return Date.now();
  }

  after(ms: number, work: () => void): void {
    if (this.closed) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  close(): void {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}
