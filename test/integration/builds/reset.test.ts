import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { waitForJeos, type FoundJeos, type WaitForJeosInput } from '../../../src/activities/installer/wait-for-jeos.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { resumeBuild } from '../../../src/client/resume.js';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import { deleteImage } from '../../../src/client/deletion.js';
import { connectClouds } from '../../../src/openstack/index.js';
import { createDeps } from '../../../src/worker/deps.js';
import { TestEnv, Build } from '../../support/test-env.js';
import { DuplicateWatch } from '../../support/duplicate-watch.js';
import { blockingCommand } from '../../support/interrupter.js';
import { resetWorkflow, type ResetPoint } from '../../support/temporal-means.js';

/**
 * Returns a template body whose commands write their names to /root/runs. The last command succeeds only if each
 * earlier command ran exactly once in its guest.
 */
function bodyOf(second: string): string {
  const check = 'test "$(echo $(cat /root/runs))" = "one two"';
  const commands = ['echo one >> /root/runs', second, check];
  return `<commands>${commands.map((text, nth) => `<command name="c${nth + 1}">${text}</command>`).join('')}</commands>`;
}

const QUICK = bodyOf('echo two >> /root/runs');
const HELD = bodyOf(blockingCommand('two'));
/** The step of the held command, and (`SECOND_STEP`) the activity that runs it. */
const SECOND = 'command:2 c2';
const SECOND_STEP: ResetPoint = ['runTemplateStep', 2];

describe('a build that is reset with Temporal’s own means', { concurrency: 6 }, () => {
  let env: TestEnv;
  let factory: ImageFactoryClient;
  let watch: DuplicateWatch;
  before(async () => {
    env = await TestEnv.start();
    factory = await connectImageFactory({ env: env.variables(), taskQueue: env.taskQueue });
    watch = new DuplicateWatch(env.cloud);
    // Installs the JEOS that all builds reuse.
    await (await env.build(env.template())).result();
  });
  after(async () => {
    assert.deepEqual(watch.stop(), [], 'a build had two instances of one role at the same time');
    await factory.close();
    await env.close();
  });

  /** Resets the build. @returns the build with its new run */
  async function reset(build: Build, to: ResetPoint): Promise<Build> {
    const workflowId = workflowIdFor('base_image', build.uuid);
    const runId = await resetWorkflow(env.temporal, workflowId, to);
    return new Build(build.uuid, env.temporal.client.workflow.getHandle(workflowId, runId), env);
  }

  function images(build: Build): string[] {
    const own = env.images('base').filter(({ properties }) => properties['imagefactory_build'] === build.uuid);
    return own.map(({ id }) => id);
  }

  function made(build: Build): number {
    return env.cloud.state.serversMade.filter((name) => name.endsWith(build.uuid)).length;
  }

  function left(build: Build): unknown[] {
    return env.leftovers().filter((resource) => JSON.stringify(resource).includes(build.uuid));
  }

  /** Ends the held command of a build in every instance that the build gets, until `until` settles. */
  async function letGo(build: Build, until: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = until.then(
      () => (ended = true),
      () => (ended = true),
    );
    while (!ended) {
      for (const { id, name } of env.cloud.state.servers.values()) {
        if (!name.endsWith(build.uuid)) continue;
        const files = env.cloud.guestFiles(id);
        if ((await files?.read('root/two.runs').catch(() => undefined)) !== undefined)
          await files?.write('root/two.end', '', { mode: 0o600 }).catch(() => undefined);
      }
      await Promise.race([end, pause(50)]);
    }
  }

  async function isWhole(build: Build): Promise<void> {
    const result = await build.result();
    assert.deepEqual(images(build), [result.glanceId]);
    assert.deepEqual(left(build), []);
    const record = await build.record();
    assert.equal(record.status, 'COMPLETE');
    assert.equal(record.glance_id, result.glanceId);
    assert.equal((await build.status()).status, 'COMPLETE');
  }

  describe('while it runs', { concurrency: 6 }, () => {
    const points: ResetPoint[] = ['first task', 'waitForJeos', 'createServer', 'waitForSsh', SECOND_STEP];
    for (const to of points) {
      it(`goes on in its instance from ${String(to)}, and runs nothing twice`, async () => {
        const build = await env.build(env.template({ body: HELD }));
        await build.reaches(SECOND);
        const again = await reset(build, to);
        await letGo(build, again.result());
        await isWhole(again);
        assert.equal(made(build), 1);
      });
    }

    it('goes on from its snapshot when its instance has been shut down', async () => {
      const build = await env.build(env.template({ body: QUICK }));
      await build.reaches('base.publish');
      const again = await reset(build, SECOND_STEP);
      await isWhole(again);
      assert.ok(made(build) <= 2);
    });

    it('accepts that the guest was shut down before the reset', async () => {
      const build = await env.build(env.template({ body: QUICK }));
      await build.reaches('base.snapshot');
      const again = await reset(build, 'shutDownGuest');
      await isWhole(again);
      assert.equal(made(build), 1);
    });

    it('goes on with a new instance when its clean-up has begun', async () => {
      const build = await env.build(env.template({ body: QUICK }));
      await build.reaches('cleanup');
      await isWhole(await reset(build, SECOND_STEP));
    });

    it('installs only once when the build or its installer run is reset during the installation', async () => {
      for (const ofRun of [false, true]) {
        const build = await env.build(env.template({ name: `installs-${ofRun}` }), { reuse_jeos: false });
        const run = await build.installer();
        await run.reaches('installer.wait');
        const before = env.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length;
        if (ofRun) await resetWorkflow(env.temporal, run.handle.workflowId, 'createServer');
        const again = ofRun ? build : await reset(build, 'waitForJeos');
        await isWhole(again);
        assert.equal(env.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length, before);
      }
    });
  });

  it('takes the JEOS of an installer run that was reset, also when that run has ended before the build asks', async () => {
    const build = await env.build(env.template({ name: 'asks-late' }), { reuse_jeos: false });
    const installer = await build.installer();
    await installer.reaches('installer.wait');
    const run = installer.handle;
    const joined = (await run.describe()).runId;
    await resetWorkflow(env.temporal, run.workflowId, 'createServer');
    const { jeos } = await build.result();
    // Simulates the retry of an attempt whose worker died before the reset. The heartbeat details of that attempt name
    // the run that was reset.
    const clouds = connectClouds({ env: env.cloud.env(), directory: env.storage });
    const paths = { storagePath: env.storage, cachePath: env.storage };
    const deps = createDeps({ clouds, temporal: env.temporal.client, release: '0.0.0-test', ...paths });
    const input = {
      ref: { uuid: build.uuid, cloud: 'envvars', workflowId: build.handle.workflowId },
      plan: { jeosWorkflowId: run.workflowId, jeosDigest: jeos.digest },
      parameters: { reuse_jeos: false },
    };
    const attempt = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: { resume: joined } });
    const found = await attempt.run<[], FoundJeos, () => Promise<FoundJeos>>(() =>
      waitForJeos(deps, input as WaitForJeosInput),
    );
    assert.equal(found.imageId, jeos.glance_id);
    await clouds.close();
  });

  describe('after it has failed', { concurrency: 6 }, () => {
    /** Returns a build that has failed because its instance was deleted while its second command ran. */
    async function failed(parameters: Record<string, unknown> = {}): Promise<Build> {
      const build = await env.build(env.template({ body: HELD }), parameters);
      await build.reaches(SECOND);
      const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
      env.cloud.deleteServer(server?.id ?? '');
      const { type, message, details } = await build.failure();
      assert.equal(type, 'ServerGone', message);
      assert.match(message, /^command:2 c2: instance \S+ is gone/);
      assert.match((details?.[0] as { hint: string }).hint, /imagefactory resume/);
      assert.deepEqual(left(build), []);
      return build;
    }

    const points: ResetPoint[] = ['first task', 'createSshAccess', 'waitForAddress', SECOND_STEP, 'removeResources'];
    for (const to of points) {
      it(`goes on from ${String(to)}; with a new instance, unless only the clean-up is left`, async () => {
        const build = await failed();
        const again = await reset(build, to);
        if (to === 'removeResources') {
          // The failed step does not run again. The new run only repeats the clean-up, and ends with the same failure.
          assert.equal((await again.failure()).type, 'ServerGone');
          assert.deepEqual(left(build), []);
          return;
        }
        await letGo(build, again.result());
        await isWhole(again);
        assert.equal(made(build), 2);
      });
    }

    const kept: ResetPoint[] = ['createSshAccess', 'createVolumes', 'createServer', SECOND_STEP];
    for (const on_error of ['cleanup', 'keep']) {
      for (const to of kept) {
        it(`goes on from ${String(to)} on a fresh copy of the JEOS, when its disk was a volume, with on_error ${on_error}`, async () => {
          const build = await env.build(env.template({ body: HELD }), { root_disk: 'volume', on_error });
          await build.reaches(SECOND);
          const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
          env.cloud.deleteServer(server?.id ?? '');
          assert.equal((await build.failure()).type, 'ServerGone');
          const used = (await build.status()).resources['root_volume'];
          const again = await reset(build, to);
          await letGo(build, again.result());
          await isWhole(again);
          assert.equal(made(build), 2);
          assert.notEqual((await again.status()).resources['root_volume'], used);
        });
      }
    }

    it('makes a new instance without being held, also with on_error hold', async () => {
      const build = await env.build(env.template({ body: HELD }), { on_error: 'hold' });
      await build.reaches(SECOND);
      await build.handle.terminate('by a test');
      const server = [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
      env.cloud.deleteServer(server?.id ?? '');
      const again = await reset(build, SECOND_STEP);
      await letGo(build, again.result());
      await isWhole(again);
    });

    it('fails again with the same message when the reason still exists, and can be resumed', async () => {
      const wrong = env.template({ body: bodyOf('echo so sad; exit 3') });
      const build = await env.build(wrong);
      const { message } = await build.failure();
      const again = await reset(build, SECOND_STEP);
      assert.equal((await again.failure()).message, message);
      assert.deepEqual(left(build), []);
      await resumeBuild(factory, build.uuid, { template: { text: env.template({ body: QUICK }) } });
      await isWhole(
        new Build(build.uuid, env.temporal.client.workflow.getHandle(workflowIdFor('base_image', build.uuid)), env),
      );
    });
  });

  describe('after it has completed', { concurrency: 6 }, () => {
    const points: ResetPoint[] = [
      'first task',
      'waitForJeos',
      'createSshAccess',
      'createServer',
      'waitForSsh',
      SECOND_STEP,
      'shutDownGuest',
      'snapshotServer',
      'deleteServer',
      'removeResources',
      'writeFinalRecord',
    ];
    for (const to of points) {
      it(`goes on from ${String(to)} and ends with its existing, unchanged image`, async () => {
        const build = await env.build(env.template({ body: QUICK }));
        const { glanceId } = await build.result();
        const image = structuredClone(env.cloud.state.images.get(glanceId));
        const record = await build.record();
        const again = await reset(build, to);
        assert.equal((await again.result()).glanceId, glanceId);
        await isWhole(again);
        assert.equal(made(build), 1);
        assert.deepEqual(env.cloud.state.images.get(glanceId), image);
        assert.deepEqual(await build.record(), record);
      });
    }

    it('keeps its image and its record when the new run is cancelled', async () => {
      const build = await env.build(env.template({ body: QUICK }));
      const { glanceId } = await build.result();
      await env.stopWorker();
      const again = await reset(build, SECOND_STEP);
      await again.handle.cancel();
      await env.startWorker();
      await again.result().catch(() => undefined);
      assert.deepEqual(images(build), [glanceId]);
      assert.deepEqual(left(build), []);
      assert.equal((await build.record()).status, 'COMPLETE');
    });

    it('builds anew when its image was deleted', async () => {
      const build = await env.build(env.template({ body: QUICK }));
      const { glanceId } = await build.result();
      await deleteImage(factory, build.uuid);
      const again = await reset(build, 'first task');
      assert.notEqual((await again.result()).glanceId, glanceId);
      await isWhole(again);
    });
  });
});
