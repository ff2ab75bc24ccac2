import type { FakeCloud } from '../fakes/openstack/fake-cloud.js';

/** Milliseconds between two checks. */
const INTERVAL = 3;

/** Checks again and again whether a build has two instances of the same role at the same time. */
export class DuplicateWatch {
  private readonly seen = new Set<string>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly cloud: FakeCloud) {
    this.timer = setInterval(() => this.check(), INTERVAL);
  }

  private check(): void {
    const names = [...this.cloud.state.servers.values()].filter(({ gone }) => !gone).map(({ name }) => name);
    for (const name of names) if (names.indexOf(name) !== names.lastIndexOf(name)) this.seen.add(name);
  }

  /** @returns the names that two instances had at the same time */
  stop(): string[] {
    clearInterval(this.timer);
    return [...this.seen];
  }
}
