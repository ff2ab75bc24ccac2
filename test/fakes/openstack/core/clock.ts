/** The durations of the operations of the fake cloud, and its timers. */

/** The durations of the operations of a real cloud on a small machine, in milliseconds. */
export const REAL_DURATIONS = {
  schedule: 600,
  /**
   * From the end of `schedule` until ACTIVE. For a server with volumes: from the end of `volumeAttach` until ACTIVE.
   */
  build: 7000,
  /** From ACTIVE until sshd accepts connections. */
  boot: 10_000,
  /** From the moment when sshd accepts connections until the end of cloud-init. */
  cloudInit: 1000,
  /** From ACTIVE until the installer powers the machine off. */
  install: 60_000,
  /** From the moment when the machine switches itself off until Nova shows SHUTOFF. */
  powerOffSeen: 4000,
  stop: 5000,
  start: 5000,
  reboot: 6000,
  snapshotPending: 300,
  snapshot: 600,
  snapshotUpload: 1400,
  delete: 3900,
  /**
   * `importStart`: from the import request until the image is `importing`. `importEnd`: from the moment when the image
   * is `active` until the import task ends.
   */
  importStart: 50,
  importEnd: 50,
  /**
   * From the request for a volume until the volume is `available`. For a volume from an image: until it is
   * `downloading`.
   */
  volumeCreate: 500,
  volumeDownload: 500,
  /** Time for which Nova attaches the volumes of a server, after `schedule` and before `build`. */
  volumeAttach: 1000,
  volumeUpload: 700,
  volumeDelete: 200,
  floatingIp: 1000,
};

export type Durations = typeof REAL_DURATIONS;

/**
 * Computes the durations of a fake cloud in milliseconds. Durations in `explicit` stay as they are; all others are the
 * real durations divided by `speedUp`.
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
