import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineUpdate,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { SET_DEADLINE_UPDATE, type DeadlineChange, type DeadlineName } from '../../domain/messages.js';
import { isCanceled } from './failures.js';

const setDeadline = defineUpdate<number, [DeadlineChange]>(SET_DEADLINE_UPDATE);

/** Of the parameters, those that are deadlines of a wait. */
export function deadlinesOf({
  install_timeout,
  inactivity_timeout,
  boot_timeout,
  shutdown_timeout,
  snapshot_timeout,
}: Record<DeadlineName, number>): Record<DeadlineName, number> {
  return { install_timeout, inactivity_timeout, boot_timeout, shutdown_timeout, snapshot_timeout };
}

/**
 * The waits of a workflow, each with its deadline. The update `setDeadline` changes one, also while it is being waited
 * for: the waiting activity is then started anew with the new deadline, and goes on from what it sees.
 */
export class Deadlines {
  private scope: { name: DeadlineName; scope: CancellationScope; changed: boolean } | undefined;

  private readonly seconds: Record<DeadlineName, number>;

  constructor(seconds: Record<DeadlineName, number>) {
    this.seconds = deadlinesOf(seconds);
    setHandler(setDeadline, (change: DeadlineChange) => this.change(change), {
      validator: (change: DeadlineChange) => this.check(change),
    });
  }

  get(name: DeadlineName): number {
    return this.seconds[name];
  }

  /** Takes the deadlines of other parameters, for waits that are still to come. */
  replace(seconds: Record<DeadlineName, number>): void {
    Object.assign(this.seconds, deadlinesOf(seconds));
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

/** How long a build may take, and how long it has been held, which is not counted. */
export interface BuildClock {
  /** Seconds. */
  limit(): number;
  /** Milliseconds, the present hold not counted. */
  held(): number;
  isHeld(): boolean;
}

/** The whole build's deadline: what is running is cancelled, and the build fails saying so. */
export async function withinTime<T>(clock: BuildClock, run: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope();
  const timer = new CancellationScope();
  const over = timer
    .run(() => timeIsUp(clock))
    .then(
      () => {
        scope.cancel();
        return true;
      },
      () => false,
    );
  try {
    return await scope.run(run);
  } catch (error) {
    const asked = CancellationScope.current().consideredCancelled;
    if (!isCanceled(error) || asked || !scope.consideredCancelled) throw error;
    throw ApplicationFailure.create({
      type: 'DeadlineExceeded',
      message: `the build did not end within its timeout of ${clock.limit()} s`,
      nonRetryable: true,
      details: [
        { hint: 'imagefactory resume goes on from what is left of it; --parameter timeout SECONDS gives it more time' },
      ],
    });
  } finally {
    timer.cancel();
    await over;
  }
}

async function timeIsUp({ limit, held, isHeld }: BuildClock): Promise<void> {
  const began = Date.now();
  // Not before what the timer says: see "The workflow’s clock" in docs/architecture.md.
  for (let now = began; ;) {
    await condition(() => !isHeld());
    now = Math.max(now, Date.now());
    const left = limit() * 1000 - (now - began - held());
    if (left <= 0) return;
    await sleep(left);
    now += left;
  }
}
