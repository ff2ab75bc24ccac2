import { TestEnv } from '../test/support/bed.js';
import { toldBy } from './histories.js';
import { median, report, seconds } from './report.js';

/** The article's build: packages, files, commands. */
export const BODY = `<packages><package name="tree"/></packages>
  <files><file name="/etc/motd">hello</file></files>
  <commands><command name="one">true</command><command name="two">true</command></commands>`;
const ROUNDS = 5;

/** (a) Our own overhead: one build on a fake cloud whose machines boot, install and answer at once. */
export async function overhead(): Promise<void> {
  const bed = await TestEnv.start({ cloud: { speedUp: 100_000 } });
  try {
    const build = async (parameters: Record<string, unknown>) => {
      const calls = bed.cloud.calls.count();
      const made = await bed.build(bed.template({ body: BODY }), parameters);
      await made.result();
      return { ...(await toldBy(bed, made)), calls: bed.cloud.calls.count() - calls };
    };
    await build({});
    const whole = [];
    const reused = [];
    for (let round = 0; round < ROUNDS; round++) {
      whole.push(await build({ reuse_jeos: false }));
      reused.push(await build({}));
    }
    const [first, again] = [whole[0], reused[0]];
    const measured = `Medians of ${ROUNDS} builds on a fake cloud that takes no time, with real SSH guests and a real Temporal server.`;
    report('(a) Overhead of one build', measured, [
      {
        what: 'wall time with an installer’s run',
        value: seconds(median(whole.map(({ wall }) => wall))),
        aim: '< 5 s',
      },
      { what: 'wall time with a reused JEOS', value: seconds(median(reused.map(({ wall }) => wall))) },
      { what: 'of it between the steps', value: seconds(median(reused.map(({ between }) => between))) },
      {
        what: 'history events (build + installer’s run)',
        value: `${first?.events} + ${first?.jeosEvents}`,
        aim: '≤ 200 in all',
      },
      { what: 'API calls with an installer’s run', value: String(median(whole.map(({ calls }) => calls))) },
      { what: 'API calls with a reused JEOS', value: String(median(reused.map(({ calls }) => calls))) },
      { what: 'history events with a reused JEOS', value: String(again?.events) },
    ]);
  } finally {
    await bed.close();
  }
}
