import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { STATUS_QUERY } from '../../../src/domain/messages.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { taskQueueFor, type QueueKind } from '../../../src/domain/task-queues.js';
import { resumeBuild } from '../../../src/client/resume.js';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import { waitForOutcome } from '../../../src/client/outcome.js';
import { run } from '../../../src/cli/cli.js';
import { blockingCommand } from '../../support/interrupter.js';
import { TestEnv, type Build, type TestEnvWorker } from '../../support/test-env.js';
import { bundleOfNextRelease, Deployment, lastReleaseOf, releasesOf, temporal } from '../../support/deployments.js';
import { startTemporal } from '../../support/temporal.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';
import { until } from '../../support/until.js';

/**
 * Settings for a short drainage check. By default, Temporal checks only every three minutes whether builds still run on
 * a version.
 */
const SOON = [
  'matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"',
  'matching.wv.VersionDrainageStatusRefreshInterval="1s"',
];

/** The task queues of a base image's activities, when its JEOS is downloaded. */
const BUILD_QUEUES: readonly QueueKind[] = ['control', 'wait', 'transfer'];

const next = bundleOfNextRelease();

function bodyOf(...commands: string[]): string {
  return `<commands>${commands.map((text, at) => `<command name="c${at + 1}">${text}</command>`).join('')}</commands>`;
}

/** Creates a promise, and the function `set` that resolves it. */
function signal(): { promise: Promise<void>; set: () => void } {
  let set = (): void => undefined;
  const promise = new Promise<void>((resolve) => (set = resolve));
  return { promise, set };
}

describe('workers of several releases', { timeout: 300_000 }, () => {
  let server: TestWorkflowEnvironment;
  let env: TestEnv;
  let factory: ImageFactoryClient;
  let deployment: Deployment;

  before(async () => {
    server = await startTemporal(undefined, SOON);
  });
  after(() => server.teardown());

  async function open(): Promise<void> {
    env = await TestEnv.start({ temporal: server, worker: false });
    factory = await connectImageFactory({ env: env.variables(), taskQueue: env.taskQueue });
    deployment = new Deployment(env);
  }

  async function close(): Promise<void> {
    await factory.close();
    await env.close();
  }

  /**
   * Runs `work` in its own environment. Tests cannot share one, because a deployment keeps its current version after a
   * test.
   */
  async function alone(work: () => Promise<void>): Promise<void> {
    await open();
    await work().finally(close);
  }

  /** Starts a worker of today's release, and makes its version the current one. */
  async function today(buildId: string): Promise<TestEnvWorker> {
    const worker = await env.startWorker({ version: deployment.version(buildId) });
    await deployment.makeCurrent(buildId);
    return worker;
  }

  /**
   * Starts a worker of the next release, and makes its version the current one. The workflows of the next release
   * cannot continue a history of today's release.
   */
  async function nextRelease(buildId: string): Promise<TestEnvWorker> {
    const worker = await env.startWorker({ version: deployment.version(buildId), bundle: await next });
    await deployment.makeCurrent(buildId);
    return worker;
  }

  /** Returns the result that {@link releasesOf} has when one release has done all the work. */
  function only(buildId: string, lanes: readonly QueueKind[] = BUILD_QUEUES): Record<string, string[]> {
    const places = ['workflow', ...lanes.map((lane) => taskQueueFor(env.taskQueue, lane))];
    return Object.fromEntries(places.map((place) => [place, [buildId]]));
  }

  async function heldAt(build: Build, step: string): Promise<void> {
    assert.equal((await build.held()).step, step);
  }

  async function installerRunOf(build: Build): Promise<WorkflowHandle> {
    const id = await until(
      async () => (await build.status().catch(() => undefined))?.jeosWorkflowId,
      'an installer’s run',
    );
    return server.client.workflow.getHandle(id);
  }

  async function complete(build: Build): Promise<void> {
    const outcome = await waitForOutcome(factory, build.uuid);
    assert.equal(outcome.status, 'COMPLETE', 'failure' in outcome ? outcome.failure.message : '');
  }

  it('a build ends on the release that it began on, in all lanes, and a new one runs on the current release', () =>
    alone(async () => {
      const old = await today('A');
      const body = bodyOf(blockingCommand('long'));
      const begun = await env.build(env.template({ name: 'begun', body }), { download: true });
      const guest = await until(async () => {
        const files = [...env.cloud.state.servers.keys()].map((id) => env.cloud.guestFiles(id));
        for (const one of files) if ((await one?.read('root/long.runs')) !== undefined) return one;
        return undefined;
      }, 'the command runs');
      const begunJeos = await installerRunOf(begun);

      await nextRelease('B');
      const fresh = await env.build(env.template({ name: 'fresh', version: '11' }), { download: true });
      await fresh.result();
      await until(async () => (await deployment.drainage('A')) === 'draining', 'A is draining');
      await guest.write('root/long.end', '', { mode: 0o600 });
      await begun.result();

      assert.deepEqual(await releasesOf(begun.handle), only('A'));
      assert.deepEqual(await releasesOf(begunJeos), only('A'));
      assert.deepEqual(await releasesOf(fresh.handle), only('B'));
      assert.deepEqual(await releasesOf(await installerRunOf(fresh)), only('B'));
      assert.equal((await fresh.handle.describe()).memo?.['release'], 'next');
      assert.equal((await begun.handle.describe()).memo?.['release'], undefined);

      await until(async () => (await deployment.drainage('A')) === 'drained', 'A is drained');
      const mine = `TemporalWorkerDeploymentVersion = '${env.taskQueue}:A'`;
      assert.equal(
        await temporal(env, 'workflow', 'count', '--query', `${mine} AND ExecutionStatus = 'Running'`),
        'Total: 0\n',
      );
      await old.stop();
      const io = new RecordingIo(env.variables());
      assert.equal(await run(['--task-queue', env.taskQueue, 'status', begun.uuid], io), 0);
      assert.deepEqual(env.leftovers(), []);
    }));

  describe('with builds under way, failed and held when the next release is made current', () => {
    /**
     * Resolves when the first build requests the snapshot of its JEOS. The cloud holds this request until `mayGo`
     * resolves.
     */
    const reached = signal();
    const mayGo = signal();
    let shared: Build;
    let late: Build;
    let failed: Build;
    before(async () => {
      await open();
      await today('A');
      env.cloud.behaviours.add({ installer: 'off-at-once', times: 1 });
      late = await env.build(env.template({ name: 'late', version: '11' }), { on_error: 'hold' });
      await heldAt(late, 'jeos');
      failed = await env.build(env.template({ name: 'failed', version: '10', body: bodyOf('exit 3') }));
      await failed.failure();
      env.cloud.faults.add({
        kind: 'held',
        when: 'before',
        match: { service: 'compute', method: 'POST', path: /\/action$/ },
        decide: async () => {
          reached.set();
          await mayGo.promise;
          return 'go';
        },
      });
      shared = await env.build(env.template({ name: 'shared' }));
      await reached.promise;
      await nextRelease('B');
    });
    after(() => close());

    it('builds of two releases share the installer run of the one that began it', async () => {
      const jeos = await installerRunOf(shared);
      const second = await env.build(env.template({ name: 'shared' }));
      await until(async () => {
        const { events } = await jeos.fetchHistory();
        const joined = events?.filter(({ workflowExecutionSignaledEventAttributes: joins }) => joins != null);
        return joined?.length === 2;
      }, 'both builds have joined');
      mayGo.set();
      const results = await Promise.all([shared.result(), second.result()]);
      assert.equal(results[0].jeos.glance_id, results[1].jeos.glance_id);
      assert.deepEqual(await releasesOf(jeos), only('A'));
      assert.deepEqual(await releasesOf(shared.handle), only('A', ['control', 'wait']));
      assert.deepEqual(await releasesOf(second.handle), only('B', ['control', 'wait']));
    });

    it('a build that installs after the upgrade installs with its own release', async () => {
      await resumeBuild(factory, late.uuid);
      await complete(late);
      assert.deepEqual(await releasesOf(late.handle), only('A', ['control', 'wait']));
      assert.deepEqual(await releasesOf(await installerRunOf(late)), only('A'));
    });

    it('a build that ended on the old release is resumed on the current one', async () => {
      const template = env.template({ name: 'failed', version: '10', body: bodyOf('exit 0') });
      await resumeBuild(factory, failed.uuid, { template: { text: template } });
      await complete(failed);
      const latest = server.client.workflow.getHandle(failed.handle.workflowId);
      assert.deepEqual(await releasesOf(latest), only('B', ['control', 'wait']));
    });
  });

  it('a held build can be moved to another release by hand, and its old workers can be stopped before', () =>
    alone(async () => {
      const old = await today('A');
      const build = await env.build(env.template({ name: 'moved', body: bodyOf('test -e /root/go') }), {
        on_error: 'hold',
      });
      await heldAt(build, 'command:1 c1');
      await today('B');
      await old.stop();
      const to = ['--versioning-override-deployment-name', env.taskQueue, '--versioning-override-build-id', 'B'];
      const which = ['--workflow-id', build.handle.workflowId, '--versioning-override-behavior', 'pinned', ...to];
      await temporal(env, 'workflow', 'update-options', ...which);
      const text = env.template({ name: 'moved', body: bodyOf('exit 0') });
      await resumeBuild(factory, build.uuid, { template: { text } });
      await complete(build);
      const { workflow } = await releasesOf(build.handle);
      assert.deepEqual(workflow, ['A', 'B']);
      assert.deepEqual(env.leftovers(), []);
    }));

  it('the create queue of a project runs on the current version, or without a version when none is current', () =>
    alone(async () => {
      env.cloud.state.quotas.instances = 0;
      const builds: Build[] = [];
      /**
       * Starts one more build, and waits until the create queue runs on the given release. This takes a moment after
       * the build has joined the queue, because Temporal informs its task queues one by one about a new current
       * version.
       */
      const isKeptBy = async (release: string): Promise<void> => {
        const build = await env.build(env.template({ name: `line-${builds.length}` }), { reuse_jeos: false });
        builds.push(build);
        const run = await installerRunOf(build);
        const { waiting } = await until(async () => {
          const status = await run.query<BuildStatus>(STATUS_QUERY).catch(() => undefined);
          // The status has a reason only after the create queue has told the installer run what all builds wait for.
          return status?.waiting?.reason === undefined ? undefined : status;
        }, 'the queue says what all builds wait for');
        const line = server.client.workflow.getHandle(waiting?.queueId ?? '');
        await until(async () => (await lastReleaseOf(line)) === release, `the queue runs on ${release}`);
      };
      await env.startWorker();
      await isKeptBy('none');
      await today('A');
      await isKeptBy('A');
      await nextRelease('B');
      await isKeptBy('B');
      const which = ['--deployment-name', env.taskQueue, '--unversioned', '--yes'];
      await temporal(env, 'worker', 'deployment', 'set-current-version', ...which);
      await isKeptBy('none');
      env.cloud.state.quotas.instances = 10;
      await Promise.all(builds.map((build) => build.result()));
      assert.deepEqual(env.leftovers(), []);
    }));

  it('builds of workers without a version continue on the first release that has a version', () =>
    alone(async () => {
      const old = await env.startWorker();
      const build = await env.build(env.template({ name: 'unversioned', body: bodyOf('exit 3') }), {
        on_error: 'hold',
      });
      await heldAt(build, 'command:1 c1');
      await today('A');
      await old.stop();
      await resumeBuild(factory, build.uuid, { skip: true });
      await complete(build);
      const { workflow } = await releasesOf(build.handle);
      assert.deepEqual(workflow, ['A', 'none']);
      assert.deepEqual(env.leftovers(), []);
    }));
});
