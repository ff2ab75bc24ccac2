import type { FakeCloud } from '../fakes/openstack/fake-cloud.js';

/** Milliseconds between two looks at a cloud. */
const INTERVAL = 3;

/** Watches that a build never has two instances of a role at a time. */
export class OneAtATime {
  private readonly seen = new Set<string>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly cloud: FakeCloud) {
    this.timer = setInterval(() => this.look(), INTERVAL);
  }

  private look(): void {
    const names = [...this.cloud.state.servers.values()].filter(({ gone }) => !gone).map(({ name }) => name);
    for (const name of names) if (names.indexOf(name) !== names.lastIndexOf(name)) this.seen.add(name);
  }

  /** Names of instances of which there were two. */
  end(): string[] {
    clearInterval(this.timer);
    return [...this.seen];
  }
}
