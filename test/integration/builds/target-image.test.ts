import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { run } from '../../../src/cli/cli.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY, WORKFLOWS, type TargetImageResult } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import type { TargetImageInput } from '../../../src/domain/target-image-input.js';
import { failureOf, TestEnv } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

type TargetHandle = WorkflowHandle<(input: TargetImageInput) => Promise<TargetImageResult>>;

/** The files that a root file system has for its target. */
const OWN_FILES: Readonly<Record<string, string[]>> = {
  docker: ['etc/cloud/cloud-init.disabled'],
  wsl: ['etc/wsl-distribution.conf', 'etc/cloud/cloud.cfg.d/99-imagefactory-wsl.cfg'],
};

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

  async function compare(file: string, format: string): Promise<void> {
    const { glance_id: glanceId } = await readRecord(base);
    const source = env.cloud.state.images.get(glanceId ?? '')?.file ?? '';
    await promisify(execFile)('qemu-img', ['compare', '-f', 'qcow2', '-F', format, source, file]);
  }

  it('has the content of its base image in the format of its target', async () => {
    const result = await (await start('vmdk')).result();
    assert.equal(result.format, 'vmdk');
    await compare(result.body, 'vmdk');
    const record = await readRecord(result.uuid);
    assert.equal(record.type, 'TargetImage');
    assert.equal(record.status, 'COMPLETE');
    assert.deepEqual(record.status_detail, { activity: 'Target Image build complete', error: null });
    assert.equal(record.base_image_id, base);
    assert.equal(record.target, 'vmdk');
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
    const command = ['--task-queue', env.taskQueue, 'target_image', 'libvirt,vdi', '--id', base.slice(0, 8)];
    assert.equal(await run(command, io), 0, io.stderr);
    const uuids = [...io.stdout.matchAll(/^UUID: (.*)$/gm)].map(([, uuid]) => uuid ?? '');
    assert.equal(uuids.length, 2);
    for (const uuid of uuids) {
      const record = await readRecord(uuid);
      const block = `UUID: ${uuid}\nType: target_image\nImage filename: ${record.data}\nImage build completed SUCCESSFULLY!\nChecksum: sha256:${record.sha256}\n`;
      assert.ok(io.stdout.includes(block), io.stdout);
    }
  });

  it('for KubeVirt is a container image with the disk in its layer', async () => {
    const io = new RecordingIo(env.variables());
    assert.equal(
      await run(['--task-queue', env.taskQueue, 'target_image', 'kubevirt', '--id', base], io),
      0,
      io.stderr,
    );
    const record = await readRecord(/^UUID: (.*)$/m.exec(io.stdout)?.[1] ?? '');
    assert.equal(record.target, 'containerdisk');
    assert.match(String(record.verified_by), /own reader of all digests of the container image$/);
    const folder = join(env.storage, 'unpacked');
    await mkdir(folder);
    const exec = promisify(execFile);
    await exec('tar', ['xf', record.data ?? '', '-C', folder]);
    const [image] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { Layers: string[] }[];
    await exec('tar', ['xzf', join(folder, image?.Layers[0] ?? ''), '-C', folder, 'disk/disk.qcow2']);
    await compare(join(folder, 'disk/disk.qcow2'), 'qcow2');
    await exec('chmod', ['-R', 'u+w', folder]);
    await rm(folder, { recursive: true });
  });

  for (const target of ['docker', 'wsl']) {
    it(`for ${target} is the root file system of the guest, without what belongs to the machine`, async () => {
      const io = new RecordingIo(env.variables());
      const servers = env.cloud.calls.list({ method: 'POST', path: /\/servers$/ }).length;
      assert.equal(await run(['--task-queue', env.taskQueue, 'target_image', target, '--id', base], io), 0, io.stderr);
      const record = await readRecord(/^UUID: (.*)$/m.exec(io.stdout)?.[1] ?? '');
      assert.match(String(record.verified_by), /^digest of the tar and its \d+ entries compared/);
      assert.equal(env.cloud.calls.list({ method: 'POST', path: /\/servers$/ }).length - servers, 1);
      assert.deepEqual(env.leftovers(), []);
      const files = await listRoot(record.data ?? '', target);
      const find = (name: string): string | undefined => files.find((line) => line.endsWith(` ./${name}`));
      assert.match(find('etc/passwd') ?? '', /^-rw-r--r-- 0\/0 /);
      assert.match(find('home/debian/') ?? '', /^drwxr-xr-x 1000\/1000 /);
      assert.match(find('etc/machine-id') ?? '', /^-r--r--r-- 0\/0 +0 /);
      for (const name of OWN_FILES[target] ?? []) assert.match(find(name) ?? '', /^-rw-r--r-- 0\/0 /, name);
      const wrong =
        /\.\/(boot|dev|proc|run|sys|tmp)\/.|ssh_host_|authorized_keys|\.\/etc\/(fstab|hostname)|imagefactory\/|\.new/;
      assert.deepEqual(files.filter((line) => wrong.test(line)), []); // prettier-ignore
    });
  }

  it('of a root file system begins the file system again after a lost connection', async (context) => {
    const { sessions } = env.cloud;
    context.after(() => (sessions.onBegin = undefined));
    const handle = await start('oci');
    let commands = 0;
    sessions.onBegin = async () => {
      const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
      // The first command of the step asks for the user, the second one sends the tar.
      if (steps.at(-1)?.name === 'pack' && ++commands === 2) sessions.cut();
    };
    const { disk } = await handle.result();
    assert.equal(commands, 4);
    assert.match(disk.verifiedBy, /^digest of the tar/);
  });

  async function listRoot(file: string, target: string): Promise<string[]> {
    const exec = promisify(execFile);
    const folder = join(env.storage, 'unpacked');
    await mkdir(folder);
    let tar = file;
    if (target === 'docker') {
      await exec('tar', ['xf', file, '-C', folder]);
      const [image] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { Layers: string[] }[];
      tar = join(folder, image?.Layers[0] ?? '');
    }
    const { stdout } = await exec('tar', ['tvzf', tar]);
    await rm(folder, { recursive: true });
    return stdout.trim().split('\n');
  }

  it('keeps its base image from being deleted', async () => {
    const { uuid } = await (await start('qcow2')).result();
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', base], io), 1);
    assert.match(io.stderr, new RegExp(`has target images: .*${uuid}`));
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', uuid], io), 0, io.stderr);
    assert.deepEqual((await readdir(env.storage)).filter((name) => name.startsWith(uuid)), []); // prettier-ignore
  });
});
