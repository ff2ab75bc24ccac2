import { ApplicationFailure, CancellationScope, defineUpdate, setHandler } from '@temporalio/workflow';
import { SET_DEADLINE_UPDATE, type DeadlineChange, type DeadlineName } from '../../domain/messages.js';
import { isCanceled } from './failures.js';

const setDeadline = defineUpdate<number, [DeadlineChange]>(SET_DEADLINE_UPDATE);

/** Picks the deadlines from all parameters. */
function pickDeadlines({
  install_timeout,
  inactivity_timeout,
  boot_timeout,
  shutdown_timeout,
  snapshot_timeout,
}: Record<DeadlineName, number>): Record<DeadlineName, number> {
  return { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout };
}

/**
 * The deadlines of a workflow's waits. The update `setDeadline` changes one deadline, even while an activity runs under
 * this deadline. Then the workflow starts the activity again with the new deadline, and the activity continues from the
 * present state of the cloud.
 */
export class Deadlines {
  private current: { name: DeadlineName; scope: CancellationScope; changed: boolean } | undefined;
  private readonly seconds: Partial<Record<DeadlineName, number>>;

  /** @param seconds the deadlines; undefined for a build that has none */
  constructor(seconds: Record<DeadlineName, number> | undefined) {
    this.seconds = seconds === undefined ? {} : pickDeadlines(seconds);
    setHandler(setDeadline, (change: DeadlineChange) => this.change(change), {
      validator: (change: DeadlineChange) => this.check(change),
    });
  }

  /** Returns a deadline in seconds. */
  get(name: DeadlineName): number {
    const seconds = this.seconds[name];
    if (seconds === undefined) throw new Error(`the build has no deadline ${name}`);
    return seconds;
  }

  /**
   * Replaces all deadlines after a user has changed the parameters. The new deadlines apply only to waits that begin
   * later.
   */
  replace(seconds: Record<DeadlineName, number>): void {
    Object.assign(this.seconds, pickDeadlines(seconds));
  }

  /**
   * Runs a wait under a deadline. When the deadline is changed during the wait, cancels the wait and runs it again.
   * @param wait gets the deadline in milliseconds since the epoch, and the seconds that are left
   */
  async run<T>(name: DeadlineName, wait: (deadline: number, secondsLeft: number) => Promise<T>): Promise<T> {
    const began = Date.now();
    for (;;) {
      const deadline = began + this.get(name) * 1000;
      const current = { name, scope: new CancellationScope(), changed: false };
      this.current = current;
      try {
        return await current.scope.run(() => wait(deadline, Math.max(1, (deadline - Date.now()) / 1000)));
      } catch (error) {
        if (isCanceled(error) && current.changed) continue;
        throw error;
      } finally {
        this.current = undefined;
      }
    }
  }

  private check(change: DeadlineChange): void {
    if (!Object.hasOwn(this.seconds, change.name)) {
      const names = Object.keys(this.seconds).join(', ') || 'none';
      throw ApplicationFailure.nonRetryable(
        `there is no deadline ${change.name}; the deadlines are: ${names}`,
        'InvalidParameter',
      );
    }
    if (!Number.isSafeInteger(change.seconds) || change.seconds <= 0) {
      throw ApplicationFailure.nonRetryable(
        `the deadline ${change.name} must be a whole number of seconds above 0`,
        'InvalidParameter',
      );
    }
  }

  private change({ name, seconds }: DeadlineChange): number {
    this.seconds[name] = seconds;
    const { current } = this;
    // An installation waits under two deadlines at the same time: `install_timeout` and `inactivity_timeout`.
    const waitsForIt = current?.name === name || (current?.name === 'install_timeout' && name === 'inactivity_timeout');
    if (current !== undefined && waitsForIt) {
      current.changed = true;
      current.scope.cancel();
    }
    return seconds;
  }
}
