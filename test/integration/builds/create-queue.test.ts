import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { resourceName } from '../../../src/domain/names.js';
import { describeWaiting } from '../../../src/domain/status.js';
import { run } from '../../../src/cli/cli.js';
import type { CloudLimits } from '../../../src/activities/shared/context.js';
import { TestEnv, PRESEED, type Build } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { WorkerProcess } from '../../support/worker-process.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

/** The builds also request a floating IP, because a build creates its floating IP and its instance in the same turn. */
const PARAMETERS = { request_floating_ip: 'True' };

describe('builds that wait for free quota in their project', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
    // Installs the JEOS that all builds reuse.
    await (await env.build(env.template(), PARAMETERS)).result();
  });
  after(() => env.close());

  /** Returns the text that says what the build waits for. Returns an empty text when the build does not wait. */
  async function waits(build: Build): Promise<string> {
    const { waiting } = await build.status();
    return waiting === undefined ? '' : describeWaiting(waiting);
  }

  /**
   * Starts `count` builds. Each build starts when the previous one waits in the queue. No build can create its
   * instance, because the quota is 0.
   */
  async function lineOf(count: number): Promise<Build[]> {
    env.cloud.state.quotas.instances = 0;
    const builds: Build[] = [];
    for (let number = 0; number < count; number++) {
      const build = await env.build(env.template(), PARAMETERS);
      const expected = number === 0 ? /^waiting for quota: instances \d\/0/ : /^waiting in the queue/;
      await until(async () => expected.test(await waits(build)), `build ${number} waits`);
      builds.push(build);
    }
    return builds;
  }

  it('create their instances in the order in which they joined, and say what they wait for', async () => {
    const builds = await lineOf(4);
    const [first, , , last] = builds;
    assert.equal(await waits(first!), 'waiting for quota: instances 0/0');
    assert.equal(await waits(last!), 'waiting in the queue: 3rd of 3; the first waits for quota: instances 0/0');
    const io = new RecordingIo({ ...env.variables() });
    await run(['--task-queue', env.taskQueue, 'status', last!.uuid], io);
    assert.match(io.stdout, /waiting in the queue: 3rd of 3; the first waits for quota: instances 0\/0/);

    env.cloud.state.quotas.instances = 1;
    await Promise.all(builds.map((build) => build.result()));
    const names = builds.map(({ uuid }) => resourceName({ uuid, cloud: '', workflowId: '' }, 'customise'));
    assert.deepEqual(
      env.cloud.state.serversMade.filter((name) => names.includes(name)),
      names,
    );
    assert.deepEqual(env.leftovers(), []);
    env.cloud.state.quotas.instances = -1;
  });

  it('wait for a floating IP, and create no instance before', async () => {
    env.cloud.state.quotas.floatingIps = 0;
    const made = env.cloud.state.serversMade.length;
    const build = await env.build(env.template(), PARAMETERS);
    await until(async () => (await waits(build)) === 'waiting for quota: floating IPs', 'it says so');
    assert.equal(env.cloud.state.serversMade.length, made);
    env.cloud.state.quotas.floatingIps = -1;
    await build.result();
    assert.deepEqual(env.leftovers(), []);
  });

  it('wait for a host that has room', async () => {
    const takeBack = env.cloud.behaviours.add({ create: 'error' });
    const build = await env.build(env.template(), PARAMETERS);
    await until(async () => /^waiting for a host with room: No valid host/.test(await waits(build)), 'it says so');
    takeBack();
    await build.result();
    assert.deepEqual(env.leftovers(), []);
  });

  it('fail with the cloud’s message when they wait too long', async () => {
    env.cloud.state.quotas.instances = 0;
    const parameters = { ...PARAMETERS, quota_timeout: 3 };
    const builds = [await env.build(env.template(), parameters), await env.build(env.template(), parameters)];
    for (const build of builds) {
      const failure = await build.failure();
      assert.equal(failure.type, 'QuotaExceeded');
      assert.match(failure.message, /instances/);
    }
    env.cloud.state.quotas.instances = -1;
    assert.deepEqual(env.leftovers(), []);
  });

  it('go on when the first has been terminated, and one behind it cancelled', async () => {
    const [first, second, third] = await lineOf(3);
    await first!.handle.terminate();
    const began = Date.now();
    await second!.handle.cancel();
    await until(async () => (await second!.status()).phase === 'cleanup', 'the cancelled build is in its clean-up');
    assert.ok(Date.now() - began < 5000, `reacted after ${Date.now() - began} ms`);
    await assert.rejects(second!.result());
    env.cloud.state.quotas.instances = -1;
    await third!.result();
  });
});

/**
 * Runs `work` in an environment with two workers. Each worker is a process, because one process cannot be two workers
 * of the same task queue.
 */
async function withTwoWorkers(limit: CloudLimits[string], work: (env: TestEnv) => Promise<void>): Promise<void> {
  const env = await TestEnv.start({ worker: false });
  const workers: WorkerProcess[] = [];
  try {
    for (let number = 0; number < 2; number++) {
      workers.push(await WorkerProcess.start(env, undefined, undefined, { envvars: limit }));
    }
    await work(env);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await env.close();
  }
}

describe('limits of a cloud', () => {
  it('max_concurrent_builds holds across workers, and builds that wait for an installer do not block it', async () => {
    await withTwoWorkers({ maxConcurrentBuilds: 2 }, async (env) => {
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, env.cloud.state.servers.size)), 2);
      // These five builds need three installer runs, because three of the builds have the same script and share one
      // run.
      const builds = await Promise.all(
        ['a', 'b', 'c', 'a', 'a'].map((script) =>
          env.build(env.template(), { install_script: `${PRESEED}# ${script}\n` }, 'envvars', 60),
        ),
      );
      await Promise.all(builds.map((build) => build.result()));
      clearInterval(watch);
      assert.equal(most, 2);
      assert.deepEqual(env.leftovers(), []);
    });
  });

  it('api_calls_per_second limits the calls of all workers together', async () => {
    const limit = 20;
    await withTwoWorkers({ apiCallsPerSecond: limit }, async (env) => {
      const builds = await Promise.all(
        Array.from({ length: 6 }, () => env.build(env.template(), { boot_timeout: 3600 }, 'envvars', 60)),
      );
      await Promise.all(builds.map((build) => build.result()));
      const calls = env.cloud.calls.list().map(({ at }) => at);
      // The first worker learns within five seconds that there is a second worker. So we check only the calls after the
      // first six seconds.
      const shared = calls.filter((at) => at > (calls[0] ?? 0) + 6000);
      const most = Math.max(...shared.map((from) => shared.filter((at) => at >= from && at < from + 1000).length));
      assert.ok(shared.length > 3 * limit, `${shared.length} calls are too few to check the limit`);
      assert.ok(most <= limit + 2, `${most} calls in a second`);
    });
  });
});
