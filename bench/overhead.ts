import { TestEnv } from '../test/support/test-env.js';
import { readHistories } from './histories.js';
import { computeMedian, printReport, formatSeconds } from './report.js';

/** The body of the template in the article (docs/article.md): packages, files and commands. */
export const BODY = `<packages><package name="tree"/></packages>
  <files><file name="/etc/motd">hello</file></files>
  <commands><command name="one">true</command><command name="two">true</command></commands>`;
const ROUNDS = 5;

/** (a) Measures our overhead: one build on a fake cloud whose machines boot, install and answer at once. */
export async function measureOverhead(): Promise<void> {
  const env = await TestEnv.start({ cloud: { speedUp: 100_000 } });
  try {
    const build = async (parameters: Record<string, unknown>) => {
      const calls = env.cloud.calls.count();
      const made = await env.build(env.template({ body: BODY }), parameters);
      await made.result();
      return { ...(await readHistories(env, made)), calls: env.cloud.calls.count() - calls };
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
    printReport('(a) Overhead of one build', measured, [
      {
        name: 'wall time with an installer’s run',
        value: formatSeconds(computeMedian(whole.map(({ wall }) => wall))),
        aim: '< 5 s',
      },
      { name: 'wall time with a reused JEOS', value: formatSeconds(computeMedian(reused.map(({ wall }) => wall))) },
      { name: 'of it between the steps', value: formatSeconds(computeMedian(reused.map(({ between }) => between))) },
      {
        name: 'history events (build + installer’s run)',
        value: `${first?.events} + ${first?.jeosEvents}`,
        aim: '≤ 200 in all',
      },
      { name: 'API calls with an installer’s run', value: String(computeMedian(whole.map(({ calls }) => calls))) },
      { name: 'API calls with a reused JEOS', value: String(computeMedian(reused.map(({ calls }) => calls))) },
      { name: 'history events with a reused JEOS', value: String(again?.events) },
    ]);
  } finally {
    await env.close();
  }
}
