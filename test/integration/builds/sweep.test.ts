import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CloudSweep, SweepInput, SweepResult } from '../../../src/domain/sweep-report.js';
import { expiryMarks } from '../../../src/domain/names.js';
import { generateKeyPair } from '../../../src/guest/keys.js';
import type { SweepLimits } from '../../../src/domain/sweep.js';
import { connectClouds } from '../../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../../src/openstack/types.js';
import type { Build } from '../../support/test-env.js';
import { TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';

const HOUR = 3_600_000;
const BODY = '<packages><package name="tree"/></packages>';
/** A public key that belongs to no build. */
const KEY = generateKeyPair().publicKey;
const LIMITS: SweepLimits = { olderThan: 3600, jeosKeep: 1000, unusedFor: 9999 * 86_400 };

describe('the sweeper', () => {
  let env: TestEnv;
  let versions = 0;
  let clouds: Clouds;
  let openstack: Cloud;
  before(async () => {
    env = await TestEnv.start();
    clouds = connectClouds({ env: env.cloud.env(), directory: env.storage });
    openstack = clouds.get('envvars');
  });
  after(async () => {
    await clouds.close();
    await env.close();
  });

  async function sweep(limits: Partial<SweepLimits> = {}, dryRun = false): Promise<CloudSweep> {
    const input: SweepInput = { clouds: ['envvars'], limits: { ...LIMITS, ...limits }, dryRun };
    const swept = await env.temporal.client.workflow.execute<(given: SweepInput) => Promise<SweepResult>>('sweep', {
      taskQueue: env.taskQueue,
      workflowId: `sweep-${randomUUID()}`,
      args: [input],
    });
    const [result] = swept.clouds;
    assert.ok(result !== undefined);
    assert.equal(result.failure, undefined);
    return result;
  }

  /** Makes all resources in the cloud appear this many hours older. */
  function age(hours: number): void {
    const { servers, images, volumes, keyPairs, floatingIps, securityGroups, ports } = env.cloud.state;
    for (const resources of [servers, keyPairs, floatingIps, securityGroups, ports]) {
      for (const resource of resources.values()) resource.created -= hours * HOUR;
    }
    for (const volume of volumes.values()) volume.createdAt -= hours * HOUR;
    for (const image of images.values()) {
      image.createdAt -= hours * HOUR;
      const used = image.properties['imagefactory_used'];
      if (used !== undefined)
        image.properties['imagefactory_used'] = new Date(Date.parse(used) - hours * HOUR).toISOString();
    }
  }

  function servers(role: string) {
    return [...env.cloud.state.servers.values()].filter(({ metadata }) => metadata['imagefactory_role'] === role);
  }

  /**
   * Sweeps until only resources that must stay are left. When a build is terminated while the cloud creates a resource,
   * this resource may appear only after the first sweep.
   */
  async function sweepAll(): Promise<CloudSweep[]> {
    const runs: CloudSweep[] = [];
    for (let left = 1; left > 0 && runs.length < 30;) {
      age(25);
      const run = await sweep();
      runs.push(run);
      left = run.resources.filter(({ outcome }) => outcome !== 'kept').length;
    }
    return runs;
  }

  /**
   * Starts a build with its own JEOS, and terminates it in the given step. Temporal runs no clean-up for a terminated
   * build.
   */
  async function terminated(step: string, parameters: Record<string, unknown> = {}): Promise<Build> {
    const build = await env.build(env.template({ name: `t-${step.replace('.', '-')}-${versions++}`, body: BODY }), {
      reuse_jeos: false,
      ...parameters,
    });
    await build.reaches(step);
    // The build starts its installer run in the step `jeos`, so the run may not exist yet.
    const run = step === 'jeos' ? await build.installer() : undefined;
    await build.handle.terminate('by the test');
    await run?.handle.terminate('by the test');
    return build;
  }

  /** Starts a build, terminates its installer run in the given step of that run, and then terminates the build. */
  async function terminatedRun(step: string): Promise<void> {
    const build = await env.build(env.template({ name: `r-${step.replace('.', '-')}` }), { reuse_jeos: false });
    const run = await build.installer();
    await run.reaches(step);
    await run.handle.terminate('by the test');
    await build.handle.terminate('by the test').catch(() => {});
  }

  it('removes what terminated builds have left, in whatever state they were', async () => {
    await terminated('jeos');
    await terminated('ssh', { request_floating_ip: true });
    await terminated('base.snapshot');
    assert.notDeepEqual(env.leftovers(), []);
    const removed = (await sweepAll()).flatMap(({ resources }) =>
      resources.filter(({ outcome }) => outcome === 'removed'),
    );
    const seen = removed.map(({ kind }) => kind);
    assert.deepEqual(env.leftovers(), []);
    for (const kind of ['instance', 'floating IP', 'security group', 'key pair', 'image'] as const)
      assert.ok(seen.includes(kind), kind);
  });

  it('leaves nothing of builds that are terminated at every other step', async () => {
    const steps = ['access', 'customise.create', 'address', 'packages', 'icicle', 'clean', 'shutdown', 'base.publish'];
    const runs = ['media', 'boot-image', 'installer.create', 'installer.wait', 'jeos.snapshot', 'installer.delete'];
    await Promise.all([...steps.map((step) => terminated(step)), ...runs.map((step) => terminatedRun(step))]);
    assert.notDeepEqual(env.leftovers(), []);
    await sweepAll();
    assert.deepEqual(env.leftovers(), []);
    const unpublished = env.images('base').filter(({ properties }) => properties['imagefactory_image'] === undefined);
    const halfJeos = env.images('jeos').filter(({ properties }) => properties['imagefactory_jeos'] === undefined);
    assert.deepEqual([...unpublished, ...halfJeos], []);
  });

  it('says of a volume that Cinder has failed to delete that it is still there', async () => {
    await terminated('ssh', { root_disk: 'volume' });
    const forget = env.cloud.volumeBehaviours.add({ delete: 'error' });
    const found: CloudSweep['resources'] = [];
    while (found.length < 2) {
      age(25);
      found.push(...(await sweep()).resources.filter(({ kind, outcome }) => kind === 'volume' && outcome !== 'kept'));
    }
    forget();
    const id = found[0]?.id ?? '';
    const why = `volume ${id} cannot be deleted: Cinder has failed to delete it (status error_deleting)`;
    for (const resource of found) assert.deepEqual([resource.outcome, resource.why], ['failed', why]);
    env.cloud.deleteVolume(id);
    await sweepAll();
    assert.deepEqual(env.leftovers(), []);
  });

  it('leaves a running build alone, whatever its age, while it removes what a terminated one has left', async () => {
    env.cloud.behaviours.add({ match: { boots: 'installer' }, times: 1, installer: 'never-off' });
    const running = await env.build(env.template({ name: 'running' }), { reuse_jeos: false });
    await running.reaches('jeos');
    await until(() => servers('installer').length === 1, 'the installer’s instance');
    const [installer] = servers('installer');
    await terminated('ssh', { request_floating_ip: true });
    age(100);
    await sweepAll();
    assert.deepEqual(
      servers('installer').map(({ id }) => id),
      [installer?.id],
    );
    assert.deepEqual(servers('customise'), []);
    assert.equal((await running.status()).status, 'BUILDING');
    await running.handle.cancel();
    await assert.rejects(running.result());
    await until(() => env.leftovers().length === 0, 'nothing is left');
  });

  it('removes nothing in a dry run, and says what it would remove and what it would keep', async () => {
    await terminated('ssh');
    await until(
      () => servers('customise').every(({ status }) => status === 'ACTIVE'),
      'all customised instances are ACTIVE',
    );
    age(25);
    const before = env.cloud.leftovers();
    const { resources } = await sweep({}, true);
    assert.deepEqual(env.cloud.leftovers(), before);
    const going = resources.filter(({ outcome }) => outcome === 'removable');
    assert.deepEqual(
      going.map(({ kind }) => kind),
      ['instance', 'security group', 'key pair'],
    );
    assert.ok(
      going.every(({ age: seconds, why }) => (seconds ?? 0) >= 25 * 3600 && why.startsWith('its build has ended')),
    );
    assert.ok(resources.some(({ kind, outcome }) => kind === 'image' && outcome === 'kept'));
    await sweepAll();
  });

  it('leaves what is younger than olderThan', async () => {
    await terminated('ssh');
    age(2);
    const { resources } = await sweep({ olderThan: 3 * 3600 });
    assert.deepEqual(
      resources.filter(({ outcome }) => outcome === 'removed'),
      [],
    );
    assert.ok(resources.some(({ kind, why }) => kind === 'instance' && why === 'younger than 3 h'));
    await sweepAll();
  });

  it('leaves what does not carry our mark, even when it looks like ours', async () => {
    const { state } = env.cloud;
    const { compute, network } = openstack;
    await compute.createKeyPair('imagefactory-key-of-mine', KEY);
    const group = await network.createSecurityGroup({ name: 'imagefactory-guest', description: '', tags: [] });
    const image = await openstack.image.createImage({
      name: `imagefactory-boot-${randomUUID()}`,
      disk_format: 'raw',
      container_format: 'bare',
      properties: { imagefactory_build: randomUUID() },
    });
    age(1000);
    await sweep({ olderThan: 0, jeosKeep: 0, unusedFor: 0 });
    assert.ok(
      state.keyPairs.has('imagefactory-key-of-mine') &&
        state.securityGroups.has(group.id) &&
        state.images.has(image.id),
    );
    await compute.deleteKeyPair('imagefactory-key-of-mine');
    await network.deleteSecurityGroup(group.id);
    await openstack.image.deleteImage(image.id);
  });

  it('never removes a base image that has a record, nor one whose record it cannot find', async () => {
    const recorded = await (await env.build(env.template({ name: 'recorded' }))).result();
    const other = await env.build(env.template({ name: 'recorded' }));
    const lost = await other.result();
    await rm(join(env.storage, `${other.uuid}.meta`));
    age(10_000);
    const { resources } = await sweep({ olderThan: 0 });
    for (const { glanceId } of [recorded, lost]) {
      assert.ok(env.cloud.state.images.has(glanceId));
      assert.match(
        resources.find(({ id }) => id === glanceId)?.why ?? '',
        /^is (the base image of record|a published base image)/,
      );
    }
  });

  it('removes the JEOS images beyond jeosKeep, and first those that were used longest ago', async () => {
    await sweep({ olderThan: 0, jeosKeep: 0 });
    for (const name of ['first', 'second', 'third']) {
      await (await env.build(env.template({ name, version: '12' }), { reuse_jeos: false })).result();
      age(30);
    }
    const before = env.images('jeos');
    const [oldest, middle] = before.map(({ id }) => id);
    // Marks the oldest JEOS as used two hours ago, as a build does that reuses it.
    await openstack.image.updateImage(oldest ?? '', [
      { op: 'add', path: '/imagefactory_used', value: new Date(Date.now() - 2 * HOUR).toISOString() },
    ]);
    const { resources } = await sweep({ jeosKeep: 2 });
    assert.equal(before.length, 3);
    assert.deepEqual(
      resources.filter(({ outcome }) => outcome === 'removed').map(({ id }) => id),
      [middle],
    );
  });

  it('removes the documents of a JEOS from the store with the JEOS, and the next build writes them again', async () => {
    /** Returns the names of the folders of documents that the store has. */
    const folders = async (): Promise<string[]> =>
      (await readdir(env.storage)).filter((name) => name.endsWith('.d')).sort();
    await sweep({ olderThan: 0, jeosKeep: 0 });
    const before = await folders();
    const template = env.template({ name: 'documents' });
    const { uuid } = await env.build(template).then(async (build) => (await build.result(), build));
    const withJeos = await folders();
    // One folder is that of the build.
    assert.equal(withJeos.length, before.length + 2);
    await (await env.build(template)).result();
    assert.equal((await folders()).length, withJeos.length + 1, 'a build that reuses the JEOS has its own folder only');
    age(24);
    await sweep({ jeosKeep: 0 });
    assert.deepEqual(env.images('jeos'), []);
    assert.equal((await folders()).length, withJeos.length);
    assert.ok((await folders()).includes(`${uuid}.d`));
    assert.equal((await (await env.build(template)).result()).jeos.reused, false);
  });

  it('leaves the JEOS that a running build holds, though the build has no instance yet', async () => {
    await (await env.build(env.template({ name: 'held' }))).result();
    const { quotas } = env.cloud.state;
    const before = quotas.instances;
    quotas.instances = 0;
    const build = await env.build(env.template({ name: 'held' }));
    await build.reaches('customise.create');
    age(40 * 24);
    const { resources: swept } = await sweep({ jeosKeep: 0 });
    const { resources } = await build.status();
    assert.equal(swept.find(({ id }) => id === resources['jeos_image'])?.why, 'is in use');
    quotas.instances = before;
    assert.equal((await build.result()).jeos.reused, true);
  });

  it('removes JEOS images and installer media that no build has used for long', async () => {
    age(31 * 24);
    await sweep({ unusedFor: 30 * 86_400 });
    assert.deepEqual([...env.images('jeos'), ...env.images('media')], []);
    const build = await env.build(env.template({ name: 'anew' }));
    assert.equal((await build.result()).jeos.reused, false);
  });

  it('leaves what is kept on purpose until its expiry date', async () => {
    await terminated('ssh');
    const [server] = servers('customise');
    assert.ok(server !== undefined);
    age(25);
    Object.assign(server.metadata, expiryMarks(new Date(Date.now() + HOUR)));
    const kept = await sweep();
    assert.deepEqual(
      kept.resources.filter(({ outcome }) => outcome === 'removed'),
      [],
    );
    assert.match(kept.resources.find(({ kind }) => kind === 'key pair')?.why ?? '', /^kept until \d{4}-/);
    Object.assign(server.metadata, expiryMarks(new Date(Date.now() - HOUR)));
    await sweepAll();
  });

  it('removes everything, although the cloud often fails', async () => {
    await Promise.all([terminated('ssh', { request_floating_ip: true }), terminated('base.snapshot')]);
    age(25);
    env.cloud.faults.addRandom({
      seed: 5,
      probability: 0.3,
      kinds: [{ kind: 'status', status: 503 }, { kind: 'reset-before' }, { kind: 'reset-after' }],
    });
    const { resources } = await sweep();
    env.cloud.faults.clear();
    assert.deepEqual(
      resources.filter(({ outcome }) => outcome === 'failed'),
      [],
    );
    await sweepAll();
    assert.deepEqual(env.leftovers(), []);
  });

  it('goes on with another worker when its own is stopped', async () => {
    await Promise.all([terminated('ssh'), terminated('ssh')]);
    age(25);
    const sweeping = sweep();
    await env.stopWorker();
    await env.startWorker();
    assert.ok((await sweeping).resources.every(({ outcome }) => outcome !== 'failed'));
    await sweepAll();
    assert.deepEqual(env.leftovers(), []);
  });

  it('removes nothing of builds that begin, run and end while it sweeps without age limits', async () => {
    let running = true;
    const sweeping = (async () => {
      while (running) await sweep({ olderThan: 0, jeosKeep: 0, unusedFor: 0 });
    })();
    const results = await Promise.all(
      ['one', 'two', 'three', 'four'].map(async (name) => {
        const build = await env.build(env.template({ name }), { request_floating_ip: name === 'one' });
        return build.result();
      }),
    );
    running = false;
    await sweeping;
    for (const { glanceId } of results) assert.ok(env.cloud.state.images.has(glanceId));
    assert.deepEqual(env.leftovers(), []);
  });
});
