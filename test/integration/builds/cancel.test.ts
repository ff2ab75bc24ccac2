import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/cli/cli.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { TestEnv } from '../../support/test-env.js';
import { neutron, nova } from '../../support/call-patterns.js';
import {
  CANCEL_STATES,
  CANCELLERS,
  GUEST,
  measureReaction,
  PARAMETERS,
  type Scene,
} from '../../support/cancel-states.js';
import { Interrupter } from '../../support/interrupter.js';
import { startTemporal } from '../../support/temporal.js';
import { until, WAIT_MINUTES } from '../../support/until.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

describe('a build that is cancelled', { concurrency: 6 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  async function on(work: (env: TestEnv) => Promise<void>): Promise<void> {
    const env = await TestEnv.start({ temporal });
    try {
      await work(env);
    } finally {
      await env.close();
    }
  }

  /**
   * Cancels the build with `imagefactory cancel`, and waits until it has ended.
   *
   * @returns the text that the command has written to standard error
   */
  async function command({ env, build }: Scene): Promise<string> {
    const io = new RecordingIo({ ...env.variables() });
    assert.equal(await run(['--task-queue', env.taskQueue, 'cancel', build.uuid], io), 0, io.stderr);
    assert.match(io.stdout, /Image build CANCELED/);
    return io.stderr;
  }

  async function isGone({ env, build }: Scene, removes: RegExp | undefined): Promise<BuildStatus> {
    await assert.rejects(build.result(), /[Cc]ancel/);
    const status = await build.status();
    assert.equal(status.status, 'CANCELED');
    assert.deepEqual(status.leftovers, []);
    assert.equal(status.failure?.type, 'Canceled');
    assert.equal((await build.record()).status, 'CANCELED');
    // The installer run, which no build needs any more, removes its resources itself. That takes a moment after the
    // build has ended.
    await until(() => env.leftovers().length === 0, 'nothing left');
    assert.deepEqual(env.images('base'), []);
    assert.deepEqual(
      env.images('jeos').filter(({ properties }) => properties['imagefactory_jeos'] === undefined),
      [],
    );
    if (removes !== undefined && status.phase !== 'plan' && !isOfInstaller(status))
      assert.match((status.removed ?? []).join(', '), removes);
    return status;
  }

  /**
   * Checks whether the resources belonged to the installer run. That is so when the build was cancelled while it waited
   * for that run.
   */
  function isOfInstaller({ steps }: BuildStatus): boolean {
    return steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  }

  CANCEL_STATES.forEach(({ name, removes, reach, cancelledBy }, index) => {
    for (const canceller of cancelledBy ?? [CANCELLERS[index % 2] ?? 'Temporal']) {
      it(`by ${canceller} ends soon and leaves nothing: ${name}`, () =>
        on(async (env) => {
          const scene = await reach(env);
          const since = Date.now();
          const ending = canceller === 'Temporal' ? scene.build.handle.cancel() : command(scene);
          try {
            await measureReaction(scene.build, since);
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
    on(async (env) => {
      // The installer run waits before its snapshot until `imagefactory cancel` has printed that this run goes on.
      let goOn = (): void => undefined;
      const decision = new Promise<'go'>((resolve) => (goOn = () => resolve('go')));
      env.cloud.faults.add({
        kind: 'held',
        match: nova('POST', /\/action$/),
        when: 'before',
        times: Infinity,
        decide: () => decision,
      });
      const [first, second] = await Promise.all([env.build(env.template()), env.build(env.template())]);
      await (await first.installer()).reaches('installer.wait');
      await second.reaches('jeos');
      const since = Date.now();
      const printed = command({ env, build: first });
      await measureReaction(first, since);
      assert.match(await printed, /installer’s run jeos-\S+ goes on/);
      goOn();
      await second.result();
      assert.equal(env.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length, 1);
      assert.deepEqual(env.leftovers(), []);
    }));

  it('a second time while it cleans up goes on with its clean-up', () =>
    on(async (env) => {
      const build = await env.build(env.template(), PARAMETERS);
      await build.reaches('ssh');
      const interrupter = new Interrupter(env, env.cloud, build, AbortSignal.timeout(WAIT_MINUTES * 60_000));
      const cleaning = interrupter.pauseAt({
        of: 'base',
        step: 'cleanup',
        at: { call: neutron('DELETE', /\/security-groups\//), when: 'before' },
      });
      await build.handle.cancel();
      const { release } = await cleaning;
      await build.handle.cancel();
      assert.equal((await build.status()).phase, 'cleanup');
      await release();
      await isGone({ env, build }, GUEST);
    }));

  it('too late, when its image is published and it cleans up, keeps its image', () =>
    on(async (env) => {
      const build = await env.build(env.template(), PARAMETERS);
      const interrupter = new Interrupter(env, env.cloud, build, AbortSignal.timeout(WAIT_MINUTES * 60_000));
      const at = { call: nova('DELETE', /\/os-keypairs\//), when: 'before' } as const;
      const { release } = await interrupter.pauseAt({ of: 'base', step: 'cleanup', at });
      await build.handle.cancel();
      await release();
      const { glanceId } = await build.result();
      assert.ok(env.cloud.state.images.has(glanceId));
      assert.equal((await build.record()).status, 'COMPLETE');
      assert.deepEqual(env.leftovers(), []);
    }));
});
