import { TestEnv } from '../test/support/bed.js';
import { measureReaction, CANCEL_STATES } from '../test/support/cancel-states.js';
import { startTemporal } from '../test/support/temporal.js';
import { median, report, seconds } from './report.js';

/** (f) How long a build that is cancelled goes on with what it was at, in every state in which it can be. */
export async function cancel(): Promise<void> {
  const temporal = await startTemporal();
  try {
    const took: { what: string; milliseconds: number }[] = [];
    for (const { name: what, reach } of CANCEL_STATES) {
      const bed = await TestEnv.start({ temporal });
      try {
        const scene = await reach(bed);
        const since = Date.now();
        await scene.build.handle.cancel();
        took.push({ what, milliseconds: await measureReaction(scene.build, since) });
        await scene.release?.();
        await scene.build.result().catch(() => undefined);
      } finally {
        await bed.close();
      }
    }
    took.sort((one, other) => other.milliseconds - one.milliseconds);
    const measured = `From the request until nothing is waited for but the clean-up, in ${took.length} states, one after the other.`;
    report('(f) Cancelling a build', measured, [
      { what: 'median', value: seconds(median(took.map(({ milliseconds }) => milliseconds))), aim: '< 5 s' },
      ...took.slice(0, 3).map(({ what, milliseconds }) => ({ what, value: seconds(milliseconds), aim: '< 5 s' })),
    ]);
  } finally {
    await temporal.teardown();
  }
}
