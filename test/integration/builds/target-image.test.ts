import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { run } from '../../../src/cli/cli.js';
import type { Lineage } from '../../../src/client/lineage.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS, type TargetImageResult } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import type { TargetImageInput } from '../../../src/domain/target-image-input.js';
import { failureOf, TestEnv } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

type TargetHandle = WorkflowHandle<(input: TargetImageInput) => Promise<TargetImageResult>>;

describe('a target image', () => {
  let env: TestEnv;
  let base: string;
  before(async () => {
    env = await TestEnv.start();
    base = (await (await env.build(env.template({ name: 'base' }))).result()).uuid;
  });
  after(() => env.close());

  async function start(target: string, baseImage = base): Promise<TargetHandle> {
    const uuid = randomUUID();
    const input: TargetImageInput = { uuid, target, baseImage, cloud: 'envvars', parameters: {}, heartbeatTimeout: 4 };
    return env.temporal.client.workflow.start<(given: TargetImageInput) => Promise<TargetImageResult>>(
      WORKFLOWS.targetImage,
      { taskQueue: env.taskQueue, workflowId: workflowIdFor('target_image', uuid), args: [input] },
    );
  }

  async function readRecord(uuid: string): Promise<BuildRecord> {
    return JSON.parse(await readFile(join(env.storage, `${uuid}.meta`), 'utf8')) as BuildRecord;
  }

  /** Runs a command that succeeds, and returns its output. */
  async function command(...line: string[]): Promise<string> {
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, ...line], io), 0, io.stderr);
    return io.stdout;
  }

  async function compare(file: string, format: string): Promise<void> {
    const { glance_id: glanceId } = await readRecord(base);
    const source = env.cloud.state.images.get(glanceId ?? '')?.file ?? '';
    await promisify(execFile)('qemu-img', ['compare', '-f', 'qcow2', '-F', format, source, file]);
  }

  it('has the content of its base image in the format of its target', async () => {
    const result = await (await start('vsphere')).result();
    assert.equal(result.format, 'vmdk');
    await compare(result.body, 'vmdk');
    const record = await readRecord(result.uuid);
    assert.equal(record.type, 'TargetImage');
    assert.equal(record.status, 'COMPLETE');
    assert.deepEqual(record.status_detail, { activity: 'Target Image build complete', error: null });
    assert.equal(record.base_image_id, base);
    assert.equal(record.target, 'vsphere');
    assert.equal(record.sha256, result.disk.sha256);
    assert.equal(record.icicle, (await readRecord(base)).icicle);
  });

  it('is made from one download when several targets are made at once', async () => {
    await rm(join(env.storage, 'cache', 'images'), { recursive: true, force: true });
    const { glance_id: glanceId } = await readRecord(base);
    const path = new RegExp(`/v2/images/${glanceId}/file$`);
    const before = env.cloud.calls.list({ method: 'GET', path }).length;
    const handles = await Promise.all(['qcow2', 'vmdk', 'vdi'].map((target) => start(target)));
    await Promise.all(handles.map((handle) => handle.result()));
    assert.equal(env.cloud.calls.list({ method: 'GET', path }).length - before, 1);
  });

  it('leaves the base image as it is, and no temporary files', async () => {
    const images = env.images('base').length;
    const { uuid, body } = await (await start('qcow2')).result();
    assert.equal(env.images('base').length, images);
    assert.deepEqual(env.leftovers(), []);
    assert.deepEqual((await readdir(join(env.storage, `${uuid}.d`))).sort(), ['output.json']);
    await compare(body, 'qcow2');
  });

  it('shows its phases and steps as a build does', async () => {
    const handle = await start('qcow2');
    await handle.result();
    const status = await handle.query<BuildStatus>(STATUS_QUERY);
    assert.equal(status.type, 'target_image');
    assert.equal(status.percent, 100);
    assert.deepEqual(status.steps.map(({ name }) => name), ['plan', 'fetch', 'convert', 'cleanup', 'record']); // prettier-ignore
  });

  it('is refused when the base image does not exist, has failed, or is a target image itself', async () => {
    const unknown = await failureOf((await start('qcow2', randomUUID())).result());
    assert.equal(unknown.type, 'NotFound');
    const { uuid } = await (await start('qcow2')).result();
    assert.match(
      (await failureOf((await start('vmdk', uuid)).result())).message,
      /is no base image, but a TargetImage/,
    );
    const failed = randomUUID();
    const record = { ...(await readRecord(base)), identifier: failed, status: 'FAILED' };
    await writeFile(join(env.storage, `${failed}.meta`), JSON.stringify(record));
    assert.equal((await failureOf((await start('qcow2', failed)).result())).type, 'Conflict');
  });

  it('is refused when nobody knows the target, and the message names the one that was meant', async () => {
    const failure = await failureOf((await start('vsfere')).result());
    assert.equal(failure.type, 'InvalidParameter');
    assert.match(JSON.stringify(failure.details), /did you mean vsphere/);
  });

  it('is made by the command, several from one base image, with a final block for each', async () => {
    const io = new RecordingIo(env.variables());
    const line = ['--task-queue', env.taskQueue, 'target_image', 'libvirt,vdi', '--id', base.slice(0, 8)];
    assert.equal(await run(line, io), 0, io.stderr);
    const uuids = [...io.stdout.matchAll(/^UUID: (.*)$/gm)].map(([, uuid]) => uuid ?? '');
    assert.equal(uuids.length, 2);
    for (const uuid of uuids) {
      const record = await readRecord(uuid);
      const block = `UUID: ${uuid}\nType: target_image\nImage filename: ${record.data}\nImage build completed SUCCESSFULLY!\nChecksum: sha256:${record.sha256}\n`;
      assert.ok(io.stdout.includes(block), io.stdout);
    }
  });

  it('has its parent, its inputs and its output in the record, and so has its base image', async () => {
    const { uuid, disk } = await (await start('vsphere')).result();
    const record = await readRecord(uuid);
    const parent = await readRecord(base);
    assert.deepEqual(record.parent, { id: base, digest: parent.checksum });
    assert.deepEqual(record.inputs?.map(({ kind, name }) => [kind, name]), [['options', 'parameters'], ['converter', disk.converter]]); // prettier-ignore
    assert.deepEqual(record.outputs, [
      {
        name: 'base-vsphere.vmdk',
        format: 'vmdk',
        size: disk.size,
        virtual_size: disk.virtualSize,
        digests: { sha256: disk.sha256, sha512: disk.sha512 },
        verified_by: disk.verifiedBy,
      },
    ]);
    assert.equal(parent.parent, null);
    const template = createHash('sha256')
      .update(env.template({ name: 'base' }))
      .digest('hex');
    const [first] = parent.inputs ?? [];
    assert.deepEqual([first?.kind, first?.digest?.value], ['template', template]);
    assert.deepEqual(parent.inputs?.map(({ kind, name }) => `${kind} ${kind === 'medium' ? name : ''}`.trim()), ['template', 'install_script', 'options', 'jeos', 'medium kernel', 'medium ramdisk']); // prettier-ignore
    const [output] = parent.outputs ?? [];
    assert.equal(output?.digests['sha512'], parent.checksum?.value);
    assert.deepEqual([output?.name, output?.format, output?.size], ['base.qcow2', 'qcow2', parent.size]);
  });

  it('is in the lineage of its base image, and below it in the tree of images', async () => {
    const { uuid } = await (await start('vdi')).result();
    const { images } = JSON.parse(await command('--output', 'json', 'lineage', uuid)) as Lineage;
    assert.deepEqual(images.map(({ identifier, kind }) => [identifier, kind]), [[base, 'base_image'], [uuid, 'target_image']]); // prettier-ignore
    assert.ok(images[0]?.children.includes(uuid));
    assert.ok(images[0]?.inputs.some(({ kind }) => kind === 'jeos'));
    assert.match(await command('lineage', base), new RegExp(`\n[└├]─ base for virtualbox .*\n.* ${uuid} {2}sha512:`));
    assert.match(await command('--output', 'dot', 'lineage', base, '--down'), new RegExp(`"${base}" -> "${uuid}";`));
    assert.match(await command('images', '--tree'), new RegExp(`\n[└├]─ base \\(virtualbox\\) +${uuid}`));
  });

  it('and its base image are downloaded by a command, which goes on where an earlier one stopped', async () => {
    const folder = join(env.storage, 'downloads');
    await mkdir(folder);
    const { uuid, body, disk } = await (await start('vmdk')).result();
    assert.match(await command('download', uuid, folder), /base-vsphere\.vmdk: \d+ bytes, sha512 checked/);
    assert.ok((await readFile(join(folder, 'base-vsphere.vmdk'))).equals(await readFile(body)));
    const { checksum, size } = await readRecord(base);
    const file = join(folder, 'base.qcow2');
    const first = JSON.parse(await command('--output', 'json', 'download', base, file)) as Record<string, unknown>;
    assert.deepEqual(first, { identifier: base, file, size, digest: checksum, from: 'glance', resumed_at: 0 });
    const content = await readFile(file);
    await writeFile(`${file}.${base.slice(0, 8)}.part`, content.subarray(0, 1000));
    const again = await command('--output', 'json', 'download', base, file, '--force');
    assert.equal((JSON.parse(again) as { resumed_at: number }).resumed_at, 1000);
    assert.ok((await readFile(file)).equals(content));
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'download', uuid, '-'], io), 0, io.stderr);
    assert.equal(createHash('sha512').update(Buffer.concat(io.bytes)).digest('hex'), disk.sha512);
    assert.deepEqual((await readdir(folder)).sort(), ['base-vsphere.vmdk', 'base.qcow2']);
  });

  it('is not downloaded over a file, or from a machine without the storage directory', async () => {
    const { uuid, body } = await (await start('vmdk')).result();
    const file = join(env.storage, 'mine');
    await writeFile(file, 'mine');
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'download', uuid, file], io), 1);
    assert.match(io.stderr, /mine exists already\n {2}--force/);
    await rename(body, `${body}.away`);
    assert.equal(await run(['--task-queue', env.taskQueue, 'download', uuid, `${file}.vmdk`], io), 1);
    assert.match(
      io.stderr,
      new RegExp(`this machine does not have .*${uuid}\\.body\n {2}the file lies with the workers \\(`),
    );
    await rename(`${body}.away`, body);
    assert.deepEqual((await readdir(env.storage)).filter((name) => name.startsWith('mine')), ['mine']); // prettier-ignore
  });

  it('is deleted with its base image by --cascade, safe to run twice', async () => {
    const other = (await (await env.build(env.template({ name: 'other' }))).result()).uuid;
    const made = await Promise.all([start('qcow2', other), start('vdi', other)]);
    const children = (await Promise.all(made.map((handle) => handle.result()))).map(({ uuid }) => uuid);
    // As after a crash: one of the children is gone already.
    await command('delete', children[0] ?? '');
    const text = await command('--output', 'json', 'delete', other, '--cascade');
    const { children: deleted } = JSON.parse(text) as { children: { identifier: string }[] };
    assert.deepEqual(deleted.map(({ identifier }) => identifier), [children[1]]); // prettier-ignore
    const left = await readdir(env.storage);
    assert.deepEqual(left.filter((name) => [other, ...children].some((uuid) => name.startsWith(uuid))), []); // prettier-ignore
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', other, '--cascade'], io), 1);
    assert.match(io.stderr, /No image found/);
  });

  it('keeps its base image from being deleted', async () => {
    const { uuid } = await (await start('qcow2')).result();
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', base], io), 1);
    assert.match(io.stderr, new RegExp(`has target images: .*${uuid}[^]*--cascade`));
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', uuid], io), 0, io.stderr);
    assert.deepEqual((await readdir(env.storage)).filter((name) => name.startsWith(uuid)), []); // prettier-ignore
  });
});
