import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/cli/cli.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { TestEnv } from '../../support/bed.js';
import { GUEST, neutron, nova, PARAMETERS, reaction, type Scene, STATES, WAYS } from '../../support/cancel-states.js';
import { until } from '../../support/until.js';
import { Interrupter } from '../../support/strikes.js';
import { startTemporal } from '../../support/temporal.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

describe('a build that is cancelled', { concurrency: 6 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  async function on(work: (bed: TestEnv) => Promise<void>): Promise<void> {
    const bed = await TestEnv.start({ temporal });
    try {
      await work(bed);
    } finally {
      await bed.close();
    }
  }

  /** Cancels with our own command; answers what it printed once it has ended. */
  async function command({ bed, build }: Scene): Promise<string> {
    const io = new RecordingIo({ ...bed.env() });
    assert.equal(await run(['--task-queue', bed.taskQueue, 'cancel', build.uuid], io), 0, io.stderr);
    assert.match(io.stdout, /Image build CANCELED/);
    return io.stderr;
  }

  async function isGone({ bed, build }: Scene, removes: RegExp | undefined): Promise<BuildStatus> {
    await assert.rejects(build.result(), /[Cc]ancel/);
    const status = await build.status();
    assert.equal(status.status, 'CANCELED');
    assert.deepEqual(status.leftovers, []);
    assert.equal(status.failure?.type, 'Canceled');
    assert.equal((await build.record()).status, 'CANCELED');
    // The installer’s run that nobody needs any more cleans up by itself.
    await until(() => bed.leftovers().length === 0, 'nothing left');
    assert.deepEqual(bed.images('base'), []);
    assert.deepEqual(
      bed.images('jeos').filter(({ properties }) => properties['imagefactory_jeos'] === undefined),
      [],
    );
    if (removes !== undefined && status.phase !== 'plan' && !isOfInstaller(status))
      assert.match((status.removed ?? []).join(', '), removes);
    return status;
  }

  /** Whether what there was belonged to the installer’s run. */
  function isOfInstaller({ steps }: BuildStatus): boolean {
    return steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  }

  STATES.forEach(({ what, removes, reach, ways }, index) => {
    for (const way of ways ?? [WAYS[index % 2] ?? 'Temporal']) {
      it(`with ${way}’s cancel ends at once, and leaves nothing: ${what}`, () =>
        on(async (bed) => {
          const scene = await reach(bed);
          const since = Date.now();
          const ending = way === 'Temporal' ? scene.build.handle.cancel() : command(scene);
          try {
            await reaction(scene.build, since);
          } finally {
            await scene.release?.();
          }
          await isGone(scene, removes);
          const printed = await ending;
          if (typeof printed === 'string' && removes !== undefined)
            assert.match(printed, new RegExp(`Removed: .*${removes.source}`));
        }));
    }
  });

  it('leaves the installer’s run to the builds that still need it', () =>
    on(async (bed) => {
      // The installer’s run waits before its snapshot until the command has printed what became of it.
      let goOn = (): void => undefined;
      const decision = new Promise<'go'>((resolve) => (goOn = () => resolve('go')));
      bed.cloud.faults.add({
        kind: 'held',
        match: nova('POST', /\/action$/),
        when: 'before',
        times: Infinity,
        decide: () => decision,
      });
      const [first, second] = await Promise.all([bed.build(bed.template()), bed.build(bed.template())]);
      await (await first.installer()).reaches('installer.wait');
      await second.reaches('jeos');
      const since = Date.now();
      const printed = command({ bed, build: first });
      await reaction(first, since);
      assert.match(await printed, /installer’s run jeos-\S+ goes on/);
      goOn();
      await second.result();
      assert.equal(bed.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length, 1);
      assert.deepEqual(bed.leftovers(), []);
    }));

  it('a second time, while it cleans up, ends as before', () =>
    on(async (bed) => {
      const build = await bed.build(bed.template(), PARAMETERS);
      await build.reaches('ssh');
      const striker = new Interrupter(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const cleaning = striker.at({
        of: 'base',
        step: 'cleanup',
        at: { call: neutron('DELETE', /\/security-groups\//), when: 'before' },
      });
      await build.handle.cancel();
      const { release } = await cleaning;
      await build.handle.cancel();
      assert.equal((await build.status()).phase, 'cleanup');
      await release();
      await isGone({ bed, build }, GUEST);
    }));

  it('too late, while it cleans up after its image is published, keeps its image', () =>
    on(async (bed) => {
      const build = await bed.build(bed.template(), PARAMETERS);
      const striker = new Interrupter(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const at = { call: nova('DELETE', /\/os-keypairs\//), when: 'before' } as const;
      const { release } = await striker.at({ of: 'base', step: 'cleanup', at });
      await build.handle.cancel();
      await release();
      const { glanceId } = await build.result();
      assert.ok(bed.cloud.state.images.has(glanceId));
      assert.equal((await build.record()).status, 'COMPLETE');
      assert.deepEqual(bed.leftovers(), []);
    }));
});
