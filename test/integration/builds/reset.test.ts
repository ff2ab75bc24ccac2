import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { waitForJeos } from '../../../src/activities/installer/wait-for-jeos.js';
import type { JeosFound, WaitForJeos } from '../../../src/activities/shared/types.js';
import { baseImageWorkflowId } from '../../../src/domain/base-image-input.js';
import { resumeBuild } from '../../../src/client/resume.js';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import { deleteImage } from '../../../src/client/images.js';
import { connectClouds } from '../../../src/openstack/index.js';
import { createDeps } from '../../../src/worker/deps.js';
import { TestEnv, Build } from '../../support/bed.js';
import { OneAtATime } from '../../support/one-at-a-time.js';
import { heldCommand } from '../../support/strikes.js';
import { resetWorkflow, type ResetPoint } from '../../support/temporal-means.js';

/** Commands that note that they ran; the last fails unless each has run once in its guest. */
function bodyOf(second: string): string {
  const check = 'test "$(echo $(cat /root/runs))" = "one two"';
  const commands = ['echo one >> /root/runs', second, check];
  return `<commands>${commands.map((text, nth) => `<command name="c${nth + 1}">${text}</command>`).join('')}</commands>`;
}

const QUICK = bodyOf('echo two >> /root/runs');
const HELD = bodyOf(heldCommand('two'));
/** The step in which the held command runs, and its activity. */
const SECOND = 'command:2 c2';
const SECOND_STEP: ResetPoint = ['runGuestStep', 2];

describe('a build that is reset with Temporal’s own means', { concurrency: 6 }, () => {
  let bed: TestEnv;
  let factory: ImageFactoryClient;
  let watch: OneAtATime;
  before(async () => {
    bed = await TestEnv.start();
    factory = await connectImageFactory({ env: bed.env(), taskQueue: bed.taskQueue });
    watch = new OneAtATime(bed.cloud);
    // The JEOS that all of them share.
    await (await bed.build(bed.template())).result();
  });
  after(async () => {
    assert.deepEqual(watch.end(), [], 'two instances of one build and role at a time');
    await factory.close();
    await bed.close();
  });

  /** The build’s new run. */
  async function reset(build: Build, to: ResetPoint): Promise<Build> {
    const workflowId = baseImageWorkflowId(build.uuid);
    const runId = await resetWorkflow(bed.temporal, workflowId, to);
    return new Build(build.uuid, bed.temporal.client.workflow.getHandle(workflowId, runId), bed);
  }

  function images(build: Build): string[] {
    const own = bed.images('base').filter(({ properties }) => properties['imagefactory_build'] === build.uuid);
    return own.map(({ id }) => id);
  }

  function made(build: Build): number {
    return bed.cloud.state.serversMade.filter((name) => name.endsWith(build.uuid)).length;
  }

  function left(build: Build): unknown[] {
    return bed.leftovers().filter((thing) => JSON.stringify(thing).includes(build.uuid));
  }

  /** Lets the held commands of a build end, in every instance that it has until it has ended. */
  async function letGo(build: Build, until: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = until.then(
      () => (ended = true),
      () => (ended = true),
    );
    while (!ended) {
      for (const { id, name } of bed.cloud.state.servers.values()) {
        if (!name.endsWith(build.uuid)) continue;
        const files = bed.cloud.guestFiles(id);
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
        const build = await bed.build(bed.template({ body: HELD }));
        await build.reaches(SECOND);
        const again = await reset(build, to);
        await letGo(build, again.result());
        await isWhole(again);
        assert.equal(made(build), 1);
      });
    }

    it('goes on from its snapshot when its instance has been shut down', async () => {
      const build = await bed.build(bed.template({ body: QUICK }));
      await build.reaches('base.publish');
      const again = await reset(build, SECOND_STEP);
      await isWhole(again);
      assert.ok(made(build) <= 2);
    });

    it('takes a guest for shut down that was told to before the reset', async () => {
      const build = await bed.build(bed.template({ body: QUICK }));
      await build.reaches('base.snapshot');
      const again = await reset(build, 'shutDownGuest');
      await isWhole(again);
      assert.equal(made(build), 1);
    });

    it('goes on with a new instance when the clean-up has begun', async () => {
      const build = await bed.build(bed.template({ body: QUICK }));
      await build.reaches('cleanup');
      await isWhole(await reset(build, SECOND_STEP));
    });

    it('installs once when the reset comes during the installation, also of the installer’s run itself', async () => {
      for (const ofRun of [false, true]) {
        const build = await bed.build(bed.template({ name: `installs-${ofRun}` }), { reuse_jeos: false });
        const run = await build.installer();
        await run.reaches('installer.wait');
        const before = bed.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length;
        if (ofRun) await resetWorkflow(bed.temporal, run.handle.workflowId, 'createServer');
        const again = ofRun ? build : await reset(build, 'waitForJeos');
        await isWhole(again);
        assert.equal(bed.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length, before);
      }
    });
  });

  it('takes the JEOS of the installer’s run that a reset began, also when that has ended before it asks', async () => {
    const build = await bed.build(bed.template({ name: 'asks-late' }), { reuse_jeos: false });
    const installer = await build.installer();
    await installer.reaches('installer.wait');
    const run = installer.handle;
    const joined = (await run.describe()).runId;
    await resetWorkflow(bed.temporal, run.workflowId, 'createServer');
    const { jeos } = await build.result();
    // What an attempt does whose worker died before the reset.
    const clouds = connectClouds({ env: bed.cloud.env(), directory: bed.storage });
    const paths = { storagePath: bed.storage, cachePath: bed.storage };
    const deps = createDeps({ clouds, temporal: bed.temporal.client, ...paths });
    const input = {
      ref: { uuid: build.uuid, cloud: 'envvars', workflowId: build.handle.workflowId },
      plan: { jeosWorkflowId: run.workflowId, jeosDigest: jeos.digest },
      parameters: { reuse_jeos: false },
    };
    const attempt = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: { resume: joined } });
    const found = await attempt.run<[], JeosFound, () => Promise<JeosFound>>(() =>
      waitForJeos(deps, input as WaitForJeos),
    );
    assert.equal(found.imageId, jeos.glance_id);
    await clouds.close();
  });

  describe('after it has failed', { concurrency: 6 }, () => {
    /** A build that has failed because somebody deleted its instance under its second command. */
    async function failed(parameters: Record<string, unknown> = {}): Promise<Build> {
      const build = await bed.build(bed.template({ body: HELD }), parameters);
      await build.reaches(SECOND);
      const server = [...bed.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
      bed.cloud.deleteServer(server?.id ?? '');
      const { type, message, details } = await build.failure();
      assert.equal(type, 'ServerGone', message);
      assert.match(message, /^command:2 c2: instance \S+ is gone/);
      assert.match((details?.[0] as { hint: string }).hint, /imagefactory resume/);
      assert.deepEqual(left(build), []);
      return build;
    }

    const points: ResetPoint[] = ['first task', 'createAccess', 'waitForAddress', SECOND_STEP, 'removeResources'];
    for (const to of points) {
      it(`makes a new instance from ${String(to)}, where that of before is gone`, async () => {
        const build = await failed();
        const again = await reset(build, to);
        if (to === 'removeResources') {
          // What failed is not done again: the reset only says once more how it ended.
          assert.equal((await again.failure()).type, 'ServerGone');
          assert.deepEqual(left(build), []);
          return;
        }
        await letGo(build, again.result());
        await isWhole(again);
        assert.equal(made(build), 2);
      });
    }

    const kept: ResetPoint[] = ['createAccess', 'createVolumes', 'createServer', SECOND_STEP];
    for (const on_error of ['cleanup', 'keep']) {
      for (const to of kept) {
        it(`starts from a fresh copy of the JEOS from ${String(to)}, where its disk was a volume, with on_error ${on_error}`, async () => {
          const build = await bed.build(bed.template({ body: HELD }), { root_disk: 'volume', on_error });
          await build.reaches(SECOND);
          const server = [...bed.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
          bed.cloud.deleteServer(server?.id ?? '');
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

    it('does not wait for anybody before it makes a new instance, also with on_error hold', async () => {
      const build = await bed.build(bed.template({ body: HELD }), { on_error: 'hold' });
      await build.reaches(SECOND);
      await build.handle.terminate('by a test');
      const server = [...bed.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid));
      bed.cloud.deleteServer(server?.id ?? '');
      const again = await reset(build, SECOND_STEP);
      await letGo(build, again.result());
      await isWhole(again);
    });

    it('fails again with the same words when the reason is still there, and can be resumed', async () => {
      const wrong = bed.template({ body: bodyOf('echo so sad; exit 3') });
      const build = await bed.build(wrong);
      const { message } = await build.failure();
      const again = await reset(build, SECOND_STEP);
      assert.equal((await again.failure()).message, message);
      assert.deepEqual(left(build), []);
      await resumeBuild(factory, build.uuid, { template: { text: bed.template({ body: QUICK }) } });
      await isWhole(
        new Build(build.uuid, bed.temporal.client.workflow.getHandle(baseImageWorkflowId(build.uuid)), bed),
      );
    });
  });

  describe('after it has completed', { concurrency: 6 }, () => {
    const points: ResetPoint[] = [
      'first task',
      'waitForJeos',
      'createAccess',
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
      it(`ends with the image that it has, untouched, from ${String(to)}`, async () => {
        const build = await bed.build(bed.template({ body: QUICK }));
        const { glanceId } = await build.result();
        const image = structuredClone(bed.cloud.state.images.get(glanceId));
        const record = await build.record();
        const again = await reset(build, to);
        assert.equal((await again.result()).glanceId, glanceId);
        await isWhole(again);
        assert.equal(made(build), 1);
        assert.deepEqual(bed.cloud.state.images.get(glanceId), image);
        assert.deepEqual(await build.record(), record);
      });
    }

    it('keeps its image and its record when the new run is cancelled', async () => {
      const build = await bed.build(bed.template({ body: QUICK }));
      const { glanceId } = await build.result();
      await bed.stopWorker();
      const again = await reset(build, SECOND_STEP);
      await again.handle.cancel();
      await bed.startWorker();
      await again.result().catch(() => undefined);
      assert.deepEqual(images(build), [glanceId]);
      assert.deepEqual(left(build), []);
      assert.equal((await build.record()).status, 'COMPLETE');
    });

    it('builds anew when its image was deleted', async () => {
      const build = await bed.build(bed.template({ body: QUICK }));
      const { glanceId } = await build.result();
      await deleteImage(factory, build.uuid);
      const again = await reset(build, 'first task');
      assert.notEqual((await again.result()).glanceId, glanceId);
      await isWhole(again);
    });
  });
});
