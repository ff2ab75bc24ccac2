import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { STATUS_QUERY } from '../../../src/build/messages.js';
import type { BuildStatus } from '../../../src/build/status.js';
import { Bed, imagesIn, leftoversIn, type Build } from '../../support/bed.js';
import { KILL_POINTS, wordsOf } from '../../support/kill-points.js';
import { KilledBuilds, type KilledBuild } from '../../support/killed-builds.js';
import { heldCommand } from '../../support/strikes.js';

/** So many builds are killed over and over, at once; each at other points. */
const BUILDS = 8;
/** Seconds after which a dead worker is noticed. */
const HEARTBEAT_TIMEOUT = 2;
const PARAMETERS = { request_floating_ip: 'True', download: true };
const POINTS = Array.from({ length: BUILDS }, (_, nth) =>
  KILL_POINTS.filter((_point, index) => index % BUILDS === nth),
);

/** A template whose last command fails unless every other has run exactly once. */
function body(held: string[] = []): string {
  const command = (name: string): string => (held.includes(name) ? heldCommand(name) : `echo ${name} >> /root/runs`);
  return `
  <precommands><command name="early">echo early >> /root/runs</command></precommands>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file></files>
  <commands>
    <command name="one">${command('one')}</command>
    <command name="two">${command('two')}</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "early one two"; test "$(cat /etc/motd.d/hello)" = hello</command>
  </commands>`;
}

async function stepsOf(bed: Bed, build: Build): Promise<string[]> {
  const status = await build.status();
  const run = await bed.temporal.client.workflow
    .getHandle(status.jeosWorkflowId ?? '')
    .query<BuildStatus>(STATUS_QUERY);
  return [...status.steps.map(({ name }) => `base ${name}`), ...run.steps.map(({ name }) => `jeos ${name}`)];
}

describe('a build whose worker is killed by SIGKILL and started again', () => {
  let bed: Bed;
  let killed: KilledBuilds;
  let ended: KilledBuild[];
  before(
    async () => {
      bed = await Bed.start({ worker: false });
      killed = await KilledBuilds.start(bed, BUILDS);
      ended = await killed.run((cloud, index) => {
        const held = (POINTS[index] ?? []).flatMap(({ at }) => ('command' in at ? [at.command] : []));
        return bed.build(bed.template({ body: body(held) }), PARAMETERS, cloud, HEARTBEAT_TIMEOUT);
      }, POINTS);
    },
    { timeout: 300_000 },
  );
  after(async () => {
    await killed?.close();
    await bed?.close();
  });

  POINTS.forEach((points, index) => {
    it(`is complete, with nothing made twice or left, after that happened in ${points.map(wordsOf).join('; in ')}`, async () => {
      const { build, cloud, failure } = ended[index] as KilledBuild;
      assert.equal(failure, undefined);
      const result = await build.result();
      assert.deepEqual(
        cloud.state.serversMade.map((name) => name.split('-')[1]),
        ['installer', 'customise'],
      );
      assert.deepEqual(leftoversIn(cloud), []);
      assert.deepEqual(
        imagesIn(cloud, 'base').map(({ id }) => id),
        [result.glanceId],
      );
      assert.deepEqual(
        imagesIn(cloud, 'jeos').map(({ id }) => id),
        [result.jeos.glance_id],
      );
      assert.equal(imagesIn(cloud, 'media').length, 2);
      assert.equal((await build.record()).status, 'COMPLETE');
    });
  });

  it('was killed in every step that there is', async () => {
    const killedIn = new Set(KILL_POINTS.map(({ of, step }) => `${of} ${step}`));
    const [first] = ended;
    assert.deepEqual([...killedIn].sort(), [...new Set(await stepsOf(bed, (first as KilledBuild).build))].sort());
  });
});
