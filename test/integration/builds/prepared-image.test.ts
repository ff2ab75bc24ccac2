import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { run } from '../../../src/cli/cli.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS, type TargetImageResult } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import type { TargetImageInput, TargetParameters } from '../../../src/domain/target-image-input.js';
import { TestEnv } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

type TargetHandle = WorkflowHandle<(input: TargetImageInput) => Promise<TargetImageResult>>;

describe('a target image whose target needs something in the guest', () => {
  let env: TestEnv;
  let base: string;
  before(async () => {
    env = await TestEnv.start();
    base = (await (await env.build(env.template({ name: 'base' }))).result()).uuid;
  });
  after(() => env.close());

  async function start(target: string, parameters: TargetParameters = {}): Promise<TargetHandle> {
    const uuid = randomUUID();
    const input: TargetImageInput = {
      uuid,
      target,
      baseImage: base,
      cloud: 'envvars',
      parameters,
      heartbeatTimeout: 4,
    };
    return env.temporal.client.workflow.start<(given: TargetImageInput) => Promise<TargetImageResult>>(
      WORKFLOWS.targetImage,
      { taskQueue: env.taskQueue, workflowId: workflowIdFor('target_image', uuid), args: [input] },
    );
  }

  async function readRecord(uuid: string): Promise<BuildRecord> {
    return JSON.parse(await readFile(join(env.storage, `${uuid}.meta`), 'utf8')) as BuildRecord;
  }

  it('is converted from a snapshot of the base image, in which the target’s packages are installed', async () => {
    const io = new RecordingIo(env.variables());
    const command = ['--task-queue', env.taskQueue, 'target_image', 'vsphere', '--id', base];
    assert.equal(await run(command, io), 0, io.stderr);
    const [, uuid = ''] = /^UUID: (.*)$/m.exec(io.stdout) ?? [];
    const record = await readRecord(uuid);
    assert.match(record.icicle ?? '', /open-vm-tools/);
    assert.doesNotMatch((await readRecord(base)).icicle ?? '', /open-vm-tools/);
    const [prepared] = env.images('prepared');
    assert.ok(prepared !== undefined);
    const handle = env.temporal.client.workflow.getHandle(workflowIdFor('target_image', uuid));
    const { steps, resources } = await handle.query<BuildStatus>(STATUS_QUERY);
    assert.deepEqual(steps.map(({ name }) => name), ['plan', 'prepare', 'fetch', 'convert', 'cleanup', 'record']); // prettier-ignore
    assert.equal(resources['prepared_image'], prepared.id);
  });

  it('is converted from the same snapshot as another image of its base whose target needs the same', async () => {
    const { uuid } = await (await start('ova')).result();
    assert.match((await readRecord(uuid)).icicle ?? '', /open-vm-tools/);
    assert.equal(env.images('prepared').length, 1);
    assert.deepEqual(env.leftovers(), []);
  });

  it('is converted from the base image itself where the user says so', async () => {
    const handle = await start('vagrant-libvirt', { target_profile: 'none' });
    await handle.result();
    const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
    assert.ok(!steps.some(({ name }) => name === 'prepare'));
  });
});
