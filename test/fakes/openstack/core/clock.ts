/** The cloud's time: how long each thing takes, and the timers that make it happen. */

/** Milliseconds that the real services take on a small machine; `hurry` divides them. */
export const REAL_DURATIONS = {
  schedule: 600,
  /** From scheduled to ACTIVE. */
  build: 7000,
  /** From ACTIVE to sshd answering. */
  boot: 10_000,
  /** From sshd answering to cloud-init having put the key in. */
  cloudInit: 1000,
  /** From ACTIVE to an installer's power-off. */
  install: 60_000,
  /** From a guest's own power-off to SHUTOFF. */
  powerOffSeen: 4000,
  stop: 5000,
  start: 5000,
  reboot: 6000,
  snapshotPending: 300,
  snapshot: 600,
  snapshotUpload: 1400,
  delete: 3900,
  /** From the request to import an image to `importing`, and from `active` to the end of its task. */
  importStart: 50,
  importEnd: 50,
  /** From its creation to `available`, or to `downloading` when it is made from an image. */
  volumeCreate: 500,
  volumeDownload: 500,
  /** Of the time from scheduled to ACTIVE: until a server's volumes are attached. */
  volumeAttach: 1000,
  volumeUpload: 700,
  volumeDelete: 200,
  floatingIp: 1000,
};

export type Durations = typeof REAL_DURATIONS;

/** Durations of a hurried cloud, in milliseconds. */
export function hurried(hurry: number, explicit: Partial<Durations> = {}): Durations {
  const divided = Object.fromEntries(
    Object.entries(REAL_DURATIONS).map(([name, ms]) => [name, ms / hurry]),
  ) as Durations;
  return { ...divided, ...explicit };
}

/** Timers that end with the cloud. */
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
