import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import { stripKind, workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import type { TargetParameters } from '../../../src/domain/target-image-input.js';
import { readRecord as readRecordOf, startTarget } from '../../support/target-builds.js';
import { failureOf, TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

const WITHOUT_DRIVER = `<commands><command name="drop">
rm /lib/modules/*/vmw_pvscsi.ko
</command></commands>`;

const OWN_CONTENT = `<template_includes>
  <include target="vagrant-virtualbox"><packages><package name="too-general"/></packages></include>
  <include target="vagrant-virtualbox" os="Debian"><packages><package name="my-agent"/></packages></include>
</template_includes>`;

describe('a target image whose target needs something in the guest', () => {
  let env: TestEnv;
  let base: string;
  /** A base image whose kernel has no driver vmw_pvscsi. */
  let stripped: string;
  before(async () => {
    env = await TestEnv.start();
    base = (await (await env.build(env.template({ name: 'base' }))).result()).uuid;
  });
  after(() => env.close());

  const start = (target: string, parameters: TargetParameters = {}, baseImage = base, uuid: string = randomUUID()) =>
    startTarget(env, { target, parameters, baseImage, uuid });
  const readRecord = (uuid: string): Promise<BuildRecord> => readRecordOf(env, uuid);

  /** Deletes an image by the command, and returns what the command printed. */
  async function remove(uuid: string): Promise<string> {
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', uuid], io), 0, io.stderr);
    return io.stdout + io.stderr;
  }

  /** Counts the instances that have been created. */
  const countCreated = (): number => env.cloud.calls.list({ method: 'POST', path: /\/servers$/ }).length;

  it('is converted from a snapshot of the base image, in which the target’s packages are installed', async () => {
    const before = env.images('base');
    const io = new RecordingIo(env.variables());
    const command = ['--task-queue', env.taskQueue, 'target_image', 'vsphere', '--id', base];
    assert.equal(await run(command, io), 0, io.stderr);
    const [, uuid = ''] = /^UUID: (.*)$/m.exec(io.stdout) ?? [];
    const record = await readRecord(uuid);
    assert.match(record.icicle ?? '', /open-vm-tools/);
    assert.doesNotMatch((await readRecord(base)).icicle ?? '', /open-vm-tools/);
    const [prepared] = env.images('prepared');
    assert.ok(prepared !== undefined);
    assert.equal(record.prepared?.glance_id, prepared.id);
    assert.deepEqual(record.prepared.steps[0], 'packages');
    assert.equal(record.packages, ((await readRecord(base)).packages ?? 0) + 1);
    assert.deepEqual(env.images('base'), before);
    const handle = env.temporal.client.workflow.getHandle(workflowIdFor('target_image', uuid));
    const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
    assert.deepEqual(steps.map(({ name }) => name), ['plan', 'prepare', 'fetch', 'convert', 'cleanup', 'record']); // prettier-ignore
  });

  it('is converted from the same snapshot as another image of its base whose target needs the same', async () => {
    const created = countCreated();
    const { uuid } = await (await start('ova')).result();
    const { icicle, prepared } = await readRecord(uuid);
    assert.match(icicle ?? '', /open-vm-tools/);
    assert.equal(prepared?.reused, true);
    assert.equal(countCreated(), created);
    assert.deepEqual(env.leftovers(), []);
  });

  it('shares one instance with another that is made at the same time', async () => {
    const created = countCreated();
    const both = await Promise.all([start('hyperv'), start('hyperv-gen1')]);
    const results = await Promise.all(both.map((handle) => handle.result()));
    assert.equal(results[0]?.prepared?.glance_id, results[1]?.prepared?.glance_id);
    assert.equal(countCreated(), created + 1);
    const [prepared] = (await readRecord(results[0]?.uuid ?? '')).prepared?.steps.slice(-1) ?? [];
    assert.equal(prepared, 'command:2 initramfs');
  });

  it('boots nothing where the user or the target wants nothing in the guest', async () => {
    const created = countCreated();
    const none = await start('vagrant-libvirt', { target_profile: 'none' });
    await Promise.all([none.result(), (await start('libvirt')).result()]);
    const { steps } = await none.query<BuildStatus>(STATUS_QUERY);
    assert.ok(!steps.some(({ name }) => name === 'prepare'));
    assert.equal(countCreated(), created);
  });

  it('gets what the user’s target_content.xml adds for its system', async () => {
    const handle = await start('vagrant-virtualbox', { target_content: OWN_CONTENT });
    const { icicle } = await readRecord((await handle.result()).uuid);
    assert.match(icicle ?? '', /my-agent/);
    assert.match(icicle ?? '', /rsync/);
    assert.doesNotMatch(icicle ?? '', /too-general/);
  });

  it('keeps what it was made from when it is resumed after the conversion, and prepares nothing anew', async () => {
    const handle = await start('vagrant-virtualbox', { target_content: OWN_CONTENT });
    const first = await handle.result();
    const created = countCreated();
    // As when another version of imagefactory would do something else in the guest.
    const again = await start('vagrant-virtualbox', {}, base, first.uuid);
    assert.deepEqual((await again.result()).prepared, first.prepared);
    const { steps } = await again.query<BuildStatus>(STATUS_QUERY);
    assert.deepEqual(steps.map(({ name }) => name), ['plan', 'convert', 'cleanup', 'record']); // prettier-ignore
    assert.equal(countCreated(), created);
  });

  it('is refused when the kernel lacks a driver of the target, with what to add to the template', async () => {
    stripped = (await (await env.build(env.template({ name: 'stripped', body: WITHOUT_DRIVER }))).result()).uuid;
    const handle = await start('vsphere', {}, stripped);
    const failure = await failureOf(handle.result());
    await remove(stripKind(handle.workflowId));
    assert.equal(failure.type, 'ImageFailed');
    assert.match(failure.message, /the image would not boot on its target: kernel \S+ has no driver vmw_pvscsi/);
    assert.match(JSON.stringify(failure.details), /<package name=.*linux-image-amd64/);
    assert.deepEqual(env.leftovers(), []);
  });

  it('leaves the run that prepares its guest when it is cancelled, and the run ends', async () => {
    const handle = await start('ec2');
    const { prepared } = await until(async () => {
      const running = env.temporal.client.workflow.list({
        query: `WorkflowType = '${WORKFLOWS.preparedImage}' AND ExecutionStatus = 'Running'`,
      });
      for await (const { workflowId } of running) return { prepared: workflowId };
      return undefined;
    }, 'the preparation runs');
    await handle.cancel();
    await assert.rejects(handle.result());
    await assert.rejects(env.temporal.client.workflow.getHandle(prepared).result());
    assert.deepEqual(env.leftovers(), []);
  });

  it('takes its snapshot along when its base image is deleted', async () => {
    const target = await (await start('rhevm', {}, stripped)).result();
    const id = target.prepared?.glance_id ?? '';
    assert.ok(env.cloud.state.images.has(id));
    await remove(target.uuid);
    assert.ok(env.cloud.state.images.has(id));
    assert.match(await remove(stripped), new RegExp(`prepared image ${id}`));
    assert.ok(!env.cloud.state.images.has(id));
  });
});
