import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { METRICS } from '../../../src/domain/metrics.js';
import { RESUME_UPDATE } from '../../../src/domain/messages.js';
import { MEDIA_ADDRESSES } from '../../fakes/openstack/media-server.js';
import { parseExposition } from '../../support/exposition.js';
import { freePort } from '../../support/temporal-process.js';
import { TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { startWorkerCommand, type WorkerCommand } from '../../support/worker-command.js';

describe('the metrics of builds', { timeout: 600_000 }, () => {
  let env: TestEnv;
  let worker: WorkerCommand;
  let address: string;
  before(async () => {
    env = await TestEnv.start({ worker: false });
    address = `127.0.0.1:${await freePort()}`;
    const options = [
      '--task-queue',
      env.taskQueue,
      '--metrics-address',
      address,
      '--allow-address',
      MEDIA_ADDRESSES.join(),
    ];
    worker = startWorkerCommand(env.storage, options, env.variables());
  });
  after(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
    await env.close();
  });

  const scrape = async (): Promise<ReturnType<typeof parseExposition>> => {
    const response = await fetch(`http://${address}/metrics`);
    return parseExposition(await response.text());
  };

  /** Returns the sum of the samples of a metric with these labels; undefined when there are none. */
  async function read(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const { samples } = await scrape().catch(() => ({ samples: [] }));
    const wanted = Object.entries({ cloud: 'envvars', ...labels });
    const found = samples.filter((sample) => {
      return sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value);
    });
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  const comesTo = (value: number, name: string, labels?: Record<string, string>): Promise<unknown> =>
    until(async () => (await read(name, labels)) === value, `${name} is ${value}: ${worker.said()}`);

  it('are there before the first build, count held builds, and count builds by their end', async () => {
    const { ended, duration, leftovers, held, running } = METRICS;
    await comesTo(0, ended.name, { status: 'FAILED' });
    await comesTo(0, held.name);
    assert.equal(await read(leftovers.name), 0);
    const body = '<commands><command name="bad">exit 3</command></commands>';
    const build = await env.build(env.template({ body }), { on_error: 'hold' });
    await build.held();
    await comesTo(1, held.name);
    assert.equal(await read(running.name), 1);
    await build.handle.executeUpdate(RESUME_UPDATE, { args: [{ action: 'abort' }] });
    await build.failure();
    await comesTo(1, ended.name, { status: 'FAILED', type: 'base_image' });
    assert.equal(await read(ended.name, { status: 'COMPLETE', type: 'jeos_image' }), 1);
    assert.equal(await read(`${duration.name}_count`, { type: 'base_image' }), 1);
    assert.equal(await read(`${duration.name}_bucket`, { type: 'base_image', le: '86400' }), 1);
    await comesTo(0, held.name);
  });

  it('count the builds that wait in the create queue', async () => {
    env.cloud.state.quotas.instances = 0;
    const builds = await Promise.all(['11', '10'].map((version) => env.build(env.template({ version }))));
    await comesTo(1, METRICS.waiting.name);
    for (const build of builds) await build.handle.cancel();
    for (const build of builds) await assert.rejects(build.result());
    await comesTo(2, METRICS.ended.name, { status: 'CANCELED', type: 'base_image' });
  });

  it('are well-formed, with the types and the help that the code says', async () => {
    const { types, helps, samples } = await scrape();
    for (const { name, type, help } of Object.values(METRICS)) {
      assert.equal(types.get(name), type, name);
      assert.equal(helps.get(name), help, name);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
    }
    const own = new Set(samples.map(({ name }) => name).filter((name) => name.startsWith('imagefactory_')));
    const known = Object.values(METRICS).map(({ name }) => name);
    assert.deepEqual(
      [...own].filter((name) => !known.includes(name.replace(/_(bucket|sum|count)$/, '') as never)),
      [],
    );
  });
});
