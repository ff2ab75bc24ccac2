import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { connectImageFactory, type ImageFactoryClient } from '../../../src/client/connection.js';
import { deleteImage } from '../../../src/client/deletion.js';
import { resumeBuild } from '../../../src/client/resume.js';
import { waitForOutcome } from '../../../src/client/outcome.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import type { CloudSweep, SweepInput, SweepResult } from '../../../src/domain/sweep-report.js';
import { connectClouds } from '../../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../../src/openstack/types.js';
import type { FakeImage, FakeVolume } from '../../fakes/openstack/state.js';
import { resetWorkflow } from '../../support/temporal-means.js';
import { Build, TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';

const DAYS = 86_400_000;

/** Clouds copy our marks to the images and volumes that users make from ours. None of these copies is ours. */
describe('a user’s copy of what imagefactory has made', () => {
  let env: TestEnv;
  let factory: ImageFactoryClient;
  let clouds: Clouds;
  let openstack: Cloud;
  before(async () => {
    env = await TestEnv.start();
    factory = await connectImageFactory({ env: env.variables(), taskQueue: env.taskQueue });
    clouds = connectClouds({ env: env.cloud.env(), directory: env.storage });
    openstack = clouds.get('envvars');
  });
  after(async () => {
    await clouds.close();
    await factory.close();
    await env.close();
  });

  function image(id: string): FakeImage {
    const found = env.cloud.state.images.get(id);
    assert.ok(found !== undefined, `image ${id} does not exist any more`);
    return found;
  }

  async function isActive(id: string): Promise<void> {
    await until(() => image(id).status === 'active', `image ${id} is active`);
  }

  /** Boots a user's instance from an image, takes a snapshot of it, and deletes it. Returns the id of the snapshot. */
  async function snapshotOfInstance(imageId: string): Promise<string> {
    const { compute } = openstack;
    const flavor = await compute.findFlavor('m1.small');
    const request = { name: 'mine', imageRef: imageId, flavorRef: flavor?.id ?? '', networks: 'none' as const };
    const { id } = await compute.createServer(request);
    await until(() => env.cloud.state.servers.get(id)?.status === 'ACTIVE', 'the user’s instance is ACTIVE');
    const snapshotId = await compute.createServerImage(id, 'my-data', {});
    await isActive(snapshotId);
    await compute.deleteServer(id);
    return snapshotId;
  }

  /** Makes a user's volume of an image, and an image of that volume. Returns the id of the second image. */
  async function imageOfVolume(imageId: string): Promise<string> {
    const { volume } = openstack;
    const { id } = await volume.createVolume({ name: 'my-disk', size: 10, imageRef: imageId, metadata: {} });
    await until(() => env.cloud.state.volumes.get(id)?.status === 'available', 'the user’s volume is available');
    const request = { image_name: 'my-data', disk_format: 'qcow2', container_format: 'bare' };
    const uploadId = await volume.uploadToImage(id, request);
    await isActive(uploadId);
    await until(() => env.cloud.state.volumes.get(id)?.status === 'available', 'the upload has ended');
    await volume.deleteVolume(id);
    return uploadId;
  }

  /** Copies the marks of an image to a public image of another project. Returns the id of the copy. */
  async function imageOfAnotherProject(imageId: string): Promise<string> {
    const { properties } = image(imageId);
    const request = { name: 'theirs', disk_format: 'raw', container_format: 'bare' };
    const { id } = await openstack.image.createImage({ ...request, properties });
    const bytes = { status: 'active', size: 7, checksum: 'c' };
    Object.assign(image(id), bytes, { owner: randomUUID(), visibility: 'public' });
    image(id).properties['imagefactory_id'] = id;
    return id;
  }

  async function sweep(): Promise<CloudSweep['resources']> {
    const limits = { olderThan: 0, jeosKeep: 1000, unusedFor: 30 * 86_400 };
    const input: SweepInput = { clouds: ['envvars'], limits, dryRun: false };
    const workflowId = `sweep-${randomUUID()}`;
    const { client } = env.temporal;
    const { clouds: swept } = await client.workflow.execute<(given: SweepInput) => Promise<SweepResult>>('sweep', {
      taskQueue: env.taskQueue,
      workflowId,
      args: [input],
    });
    assert.equal(swept[0]?.failure, undefined);
    return swept[0]?.resources ?? [];
  }

  /** Makes all images and volumes older. */
  function age(days: number): void {
    for (const one of env.cloud.state.volumes.values()) one.createdAt -= days * DAYS;
    for (const one of env.cloud.state.images.values()) {
      one.createdAt -= days * DAYS;
      const used = one.properties['imagefactory_used'];
      if (used !== undefined)
        one.properties['imagefactory_used'] = new Date(Date.parse(used) - days * DAYS).toISOString();
    }
  }

  it('of the JEOS is not listed or removed by gc, and no build starts from it', async () => {
    const template = env.template({ name: 'copied' });
    const first = (await (await env.build(template)).result()).jeos.glance_id;
    assert.equal(image(first).name, 'copied-jeos');
    const copies = [await snapshotOfInstance(first), await imageOfVolume(first), await imageOfAnotherProject(first)];
    for (const id of copies) {
      assert.equal(image(id).properties['imagefactory_jeos'], image(first).properties['imagefactory_jeos']);
      // A build prefers the oldest JEOS.
      image(id).createdAt = image(first).createdAt - DAYS;
    }
    const { jeos: again } = await (await env.build(template)).result();
    assert.deepEqual([again.glance_id, again.reused], [first, true]);

    age(40);
    const before = copies.map((id) => structuredClone(image(id)));
    const swept = await sweep();
    assert.equal(swept.find(({ id }) => id === first)?.outcome, 'removed');
    assert.deepEqual(swept.filter(({ id }) => copies.includes(id)), []); // prettier-ignore
    const { jeos: anew } = await (await env.build(template)).result();
    assert.equal(anew.reused, false);
    assert.deepEqual(copies.map(image), before);
  });

  it('of a base image survives when the build is deleted and reset, and does not become its image', async () => {
    const build = await env.build(env.template({ name: 'whole' }));
    const { glanceId } = await build.result();
    const copies = [await snapshotOfInstance(glanceId), await imageOfVolume(glanceId)];
    const before = copies.map((id) => structuredClone(image(id)));
    await deleteImage(factory, build.uuid);
    const workflowId = workflowIdFor('base_image', build.uuid);
    const runId = await resetWorkflow(env.temporal, workflowId, 'first task');
    const again = new Build(build.uuid, env.temporal.client.workflow.getHandle(workflowId, runId), env);
    assert.ok(!copies.includes((await again.result()).glanceId));
    assert.deepEqual(copies.map(image), before);
    age(40);
    assert.deepEqual((await sweep()).filter(({ id }) => copies.includes(id)), []); // prettier-ignore
  });

  it('of a base image is not the snapshot from which a resumed build continues', async () => {
    const source = await (await env.build(env.template({ name: 'source' }))).result();
    const copy = await snapshotOfInstance(source.glanceId);
    const body = '<commands><command name="fails">test -e /tmp/fixed</command></commands>';
    const build = await env.build(env.template({ name: 'resumed', body }));
    await build.failure();
    // Makes the copy look like the copy of an image that the build once had.
    image(copy).properties['imagefactory_build'] = build.uuid;
    const fixed = env.template({ name: 'resumed', body: body.replace('test -e', 'touch') });
    await resumeBuild(factory, build.uuid, { template: { text: fixed } });
    assert.equal((await waitForOutcome(factory, build.uuid)).status, 'COMPLETE');
    assert.equal(image(copy).name, 'my-data');
  });

  it('of a build’s volume survives when the build is resumed and cleaned up, and gc does not list it', async () => {
    const template = (command: string): string =>
      env.template({ name: 'disk', body: `<commands><command name="c">${command}</command></commands>` });
    const build = await env.build(template('exit 3'), { root_disk: 'volume', on_error: 'keep' });
    await build.failure();
    const root = [...env.cloud.state.volumes.values()].find(({ name }) => name === `imagefactory-root-${build.uuid}`);
    assert.ok(root !== undefined);
    // Cinder gives a restored backup the name and the metadata of the volume of which the backup was made.
    const restored: FakeVolume = { ...structuredClone(root), id: randomUUID(), status: 'available', attachments: [] };
    env.cloud.state.volumes.set(restored.id, restored);
    restored.createdAt += 1000;
    const kept = structuredClone(restored);
    await resumeBuild(factory, build.uuid, { from: 'customise', template: { text: template('exit 0') } });
    assert.equal((await waitForOutcome(factory, build.uuid)).status, 'COMPLETE');
    assert.deepEqual(env.cloud.state.volumes.get(restored.id), kept);
    age(40);
    assert.deepEqual((await sweep()).filter(({ kind }) => kind === 'volume'), []); // prettier-ignore
    assert.ok(env.cloud.state.volumes.has(restored.id));
  });
});
