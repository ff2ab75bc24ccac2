import { TestEnv } from '../test/support/test-env.js';
import { measureReaction, CANCEL_STATES } from '../test/support/cancel-states.js';
import { startTemporal } from '../test/support/temporal.js';
import { computeMedian, printReport, formatSeconds } from './report.js';

/**
 * (f) Measures how soon a cancelled build stops its work and begins its clean-up, in every state in which a build can
 * be cancelled.
 */
export async function measureCancel(): Promise<void> {
  const temporal = await startTemporal();
  try {
    const took: { what: string; milliseconds: number }[] = [];
    for (const { name: what, reach } of CANCEL_STATES) {
      const env = await TestEnv.start({ temporal });
      try {
        const scene = await reach(env);
        const since = Date.now();
        await scene.build.handle.cancel();
        took.push({ what, milliseconds: await measureReaction(scene.build, since) });
        await scene.release?.();
        await scene.build.result().catch(() => undefined);
      } finally {
        await env.close();
      }
    }
    took.sort((one, other) => other.milliseconds - one.milliseconds);
    const measured = `The time from the cancel request until the build is in its clean-up, in ${took.length} states, one after the other.`;
    printReport('(f) Cancelling a build', measured, [
      {
        name: 'median',
        value: formatSeconds(computeMedian(took.map(({ milliseconds }) => milliseconds))),
        aim: '< 5 s',
      },
      ...took
        .slice(0, 3)
        .map(({ what, milliseconds }) => ({ name: what, value: formatSeconds(milliseconds), aim: '< 5 s' })),
    ]);
  } finally {
    await temporal.teardown();
  }
}
