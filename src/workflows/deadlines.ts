import { CancellationScope, setHandler, defineUpdate, ApplicationFailure } from '@temporalio/workflow';
import { SET_DEADLINE_UPDATE, type DeadlineChange, type DeadlineName } from '../build/messages.js';
import { isCanceled } from './failures.js';

const setDeadline = defineUpdate<number, [DeadlineChange]>(SET_DEADLINE_UPDATE);

/**
 * The waits of a workflow, each with its deadline. The update `setDeadline` changes one, also while it is being waited
 * for: the waiting activity is then started anew with the new deadline, and goes on from what it sees.
 */
export class Deadlines {
  private scope: { name: DeadlineName; scope: CancellationScope; changed: boolean } | undefined;

  constructor(private readonly seconds: Record<DeadlineName, number>) {
    setHandler(setDeadline, (change: DeadlineChange) => this.change(change), {
      validator: (change: DeadlineChange) => this.check(change),
    });
  }

  get(name: DeadlineName): number {
    return this.seconds[name];
  }

  /** Waits under a deadline, which `wait` gets in milliseconds since the epoch, with the seconds that are left. */
  async under<T>(name: DeadlineName, wait: (deadline: number, left: number) => Promise<T>): Promise<T> {
    const began = Date.now();
    for (;;) {
      const deadline = began + this.seconds[name] * 1000;
      const current = { name, scope: new CancellationScope(), changed: false };
      this.scope = current;
      try {
        return await current.scope.run(() => wait(deadline, Math.max(1, (deadline - Date.now()) / 1000)));
      } catch (error) {
        if (isCanceled(error) && current.changed) continue;
        throw error;
      } finally {
        this.scope = undefined;
      }
    }
  }

  private check(change: DeadlineChange): void {
    if (!Object.hasOwn(this.seconds, change.name)) {
      const names = Object.keys(this.seconds).join(', ');
      throw ApplicationFailure.nonRetryable(
        `there is no deadline ${change.name}; there are: ${names}`,
        'InvalidParameter',
      );
    }
    if (!Number.isSafeInteger(change.seconds) || change.seconds <= 0) {
      throw ApplicationFailure.nonRetryable('a deadline is a whole number of seconds above 0', 'InvalidParameter');
    }
  }

  private change(change: DeadlineChange): number {
    this.seconds[change.name] = change.seconds;
    const waitsForIt =
      this.scope?.name === change.name ||
      (this.scope?.name === 'install_timeout' && change.name === 'inactivity_timeout');
    if (this.scope !== undefined && waitsForIt) {
      this.scope.changed = true;
      this.scope.scope.cancel();
    }
    return change.seconds;
  }
}

/** The whole build's deadline: what is running is cancelled, and the build fails saying so. */
export async function withinTime<T>(seconds: number, run: () => Promise<T>): Promise<T> {
  const began = Date.now();
  try {
    return await CancellationScope.withTimeout(seconds * 1000, run);
  } catch (error) {
    const asked = CancellationScope.current().consideredCancelled;
    if (!isCanceled(error) || asked || Date.now() - began < seconds * 1000) throw error;
    throw ApplicationFailure.create({
      type: 'DeadlineExceeded',
      message: `the build did not end within its timeout of ${seconds} s`,
      nonRetryable: true,
      details: [{ hint: 'give it more time with --timeout, or look at the step that took it' }],
    });
  }
}
