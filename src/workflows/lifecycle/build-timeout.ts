import { ApplicationFailure, CancellationScope, condition, sleep } from '@temporalio/workflow';
import { isCanceled } from './failures.js';

/** The timeout of a build, and the time for which it was paused, which does not count towards the timeout. */
export interface BuildClock {
  /** Returns the timeout in seconds. */
  limit(): number;
  /** Returns the milliseconds of all earlier pauses of the build, without a pause that still lasts. */
  paused(): number;
  isPaused(): boolean;
}

/**
 * Runs a build under its own timeout. When the time is over, cancels the running step.
 * @throws ApplicationFailure DeadlineExceeded when the time is over
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
  // When a timer has fired, we add its duration to `now`, because the workflow's clock may show an earlier time: see
  // docs/adr/0007-no-workflow-reads-the-clock-after-a-timer.md.
  for (let now = began; ;) {
    await condition(() => !isPaused());
    now = Math.max(now, Date.now());
    const left = limit() * 1000 - (now - began - paused());
    if (left <= 0) return;
    await sleep(left, { summary: `the build’s timeout of ${limit()} s` });
    now += left;
  }
}
