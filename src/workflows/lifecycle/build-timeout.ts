import { ApplicationFailure, CancellationScope, condition, sleep } from '@temporalio/workflow';
import { isCanceled } from './failures.js';

/** How long a build may take, and for how long it was paused, which does not count. */
export interface BuildClock {
  /** Seconds. */
  limit(): number;
  /** Milliseconds, the present pause not counted. */
  paused(): number;
  isPaused(): boolean;
}

/**
 * Runs a build under its own timeout: at the timeout the running step is cancelled, and the build fails and says so.
 */
export async function withBuildTimeout<T>(clock: BuildClock, run: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope();
  const timer = new CancellationScope();
  const timedOut = timer
    .run(() => waitForTimeout(clock))
    .then(
      () => scope.cancel(),
      () => undefined,
    );
  try {
    return await scope.run(run);
  } catch (error) {
    const cancelRequested = CancellationScope.current().consideredCancelled;
    if (!isCanceled(error) || cancelRequested || !scope.consideredCancelled) throw error;
    throw ApplicationFailure.create({
      type: 'DeadlineExceeded',
      message: `the build did not end within its timeout of ${clock.limit()} s`,
      nonRetryable: true,
      details: [{ hint: 'imagefactory resume continues the build; --parameter timeout SECONDS gives it more time' }],
    });
  } finally {
    timer.cancel();
    await timedOut;
  }
}

async function waitForTimeout({ limit, paused, isPaused }: BuildClock): Promise<void> {
  const began = Date.now();
  // The time never goes back behind what the timer says: see ADR "The workflow's clock".
  for (let now = began; ;) {
    await condition(() => !isPaused());
    now = Math.max(now, Date.now());
    const left = limit() * 1000 - (now - began - paused());
    if (left <= 0) return;
    await sleep(left);
    now += left;
  }
}
