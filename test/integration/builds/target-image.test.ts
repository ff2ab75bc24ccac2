import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { run } from '../../../src/cli/cli.js';
import type { Lineage } from '../../../src/client/lineage.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import { STATUS_QUERY } from '../../../src/domain/messages.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import type { TargetParameters } from '../../../src/domain/target-image-input.js';
import { readRecord as readRecordOf, startTarget } from '../../support/target-builds.js';
import { failureOf, PRESEED, TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

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

  const start = (target: string, baseImage = base, parameters: TargetParameters = {}) =>
    startTarget(env, { target, baseImage, parameters });
  const readRecord = (uuid: string): Promise<BuildRecord> => readRecordOf(env, uuid);

  /** Runs a command that succeeds, and returns its output. */
  async function output(...line: string[]): Promise<string> {
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

  it('is refused when the disk is larger than the target allows', async () => {
    const large = randomUUID();
    const record = { ...(await readRecord(base)), identifier: large, min_disk: 2041 };
    await writeFile(join(env.storage, `${large}.meta`), JSON.stringify(record));
    const failure = await failureOf((await start('azure', large)).result());
    assert.match(failure.message, /the disk has 2041 GiB: a disk of format vhd has at most 2040 GiB/);
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

  /** Puts a program in the place of the emulator. It says a text on the console, and runs on. */
  async function withEmulator(text: string, work: () => Promise<void>): Promise<void> {
    const path = process.env['PATH'];
    const folder = await mkdtemp(join(env.storage, 'bin-'));
    const program = join(folder, 'qemu-system-x86_64');
    await writeFile(program, `#!/bin/sh\nprintf '${text}'\nexec sleep 1000\n`, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${path}`;
    try {
      await work();
    } finally {
      process.env['PATH'] = path;
      await rm(folder, { recursive: true });
    }
  }

  it('is booted by `verify boot`, and the record says how', async () => {
    await withEmulator('\\r\\nlocalhost login: ', async () => {
      const handle = await start('vsphere', base, { verify: 'boot' });
      const { uuid } = await handle.result();
      const { verified_by: verifiedBy } = await readRecord(uuid);
      assert.match(String(verifiedBy), /, booted by QEMU with pvscsi, vmxnet3 and BIOS until “login:”$/);
      const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.deepEqual(steps.map(({ name }) => name), ['plan', 'prepare', 'fetch', 'convert', 'verify', 'cleanup', 'record']); // prettier-ignore
      const io = new RecordingIo(env.variables());
      assert.equal(await run(['--task-queue', env.taskQueue, 'logs', uuid, 'verify'], io), 0, io.stderr);
      assert.match(io.stdout, /localhost login:/);
    });
  });

  it('fails when it does not boot, and says what the template must add', async () => {
    await withEmulator('ALERT!  UUID=1 does not exist.  Dropping to a shell!\\r\\n', async () => {
      const failure = await failureOf((await start('vsphere', base, { verify: 'boot' })).result());
      assert.equal(failure.type, 'ImageFailed');
      assert.match(failure.message, /does not boot with pvscsi: it does not find its root file system; .*ALERT!/);
      assert.match(JSON.stringify(failure.details), /vmw_pvscsi .*update-initramfs/);
    });
  });

  it('has the firmware of its base image', async () => {
    const template = env.template({ name: 'signed' });
    const { uuid } = await (await env.build(template, { firmware: 'secure_boot' })).result();
    const { body } = await (await start('ova', uuid)).result();
    const { stdout } = await promisify(execFile)('tar', ['-xOf', body, '--wildcards', '*.ovf']);
    assert.match(stdout, /vmw:key="firmware" vmw:value="efi"/);
    assert.match(stdout, /vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="true"/);
  });

  it('is refused before the work when QEMU has no machine for its target', async () => {
    const failure = await failureOf((await start('hyperv', base, { verify: 'boot' })).result());
    assert.equal(failure.type, 'InvalidParameter');
    assert.match(failure.message, /verify boot cannot boot the image for hyperv/);
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
    const { images } = JSON.parse(await output('--output', 'json', 'lineage', uuid)) as Lineage;
    assert.deepEqual(images.map(({ identifier, kind }) => [identifier, kind]), [[base, 'base_image'], [uuid, 'target_image']]); // prettier-ignore
    assert.ok(images[0]?.children.includes(uuid));
    assert.ok(images[0]?.inputs.some(({ kind }) => kind === 'jeos'));
    assert.match(await output('lineage', base), new RegExp(`\n[└├]─ base for virtualbox .*\n.* ${uuid} {2}sha512:`));
    assert.match(await output('--output', 'dot', 'lineage', base, '--down'), new RegExp(`"${base}" -> "${uuid}";`));
    assert.match(await output('images', '--tree'), new RegExp(`\n[└├]─ base \\(virtualbox\\) +${uuid}`));
  });

  it('and its base image are downloaded by a command, which goes on where an earlier one stopped', async () => {
    const folder = join(env.storage, 'downloads');
    await mkdir(folder);
    const { uuid, body, disk } = await (await start('vmdk')).result();
    assert.match(await output('download', uuid, folder), /base-vmdk\.vmdk: \d+ bytes, sha512 checked/);
    assert.ok((await readFile(join(folder, 'base-vmdk.vmdk'))).equals(await readFile(body)));
    const { checksum, size } = await readRecord(base);
    const file = join(folder, 'base.qcow2');
    const first = JSON.parse(await output('--output', 'json', 'download', base, file)) as Record<string, unknown>;
    assert.deepEqual(first, { identifier: base, file, size, digest: checksum, from: 'glance', resumed_at: 0 });
    const content = await readFile(file);
    await writeFile(`${file}.${base.slice(0, 8)}.part`, content.subarray(0, 1000));
    const again = await output('--output', 'json', 'download', base, file, '--force');
    assert.equal((JSON.parse(again) as { resumed_at: number }).resumed_at, 1000);
    assert.ok((await readFile(file)).equals(content));
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'download', uuid, '-'], io), 0, io.stderr);
    assert.equal(createHash('sha512').update(Buffer.concat(io.bytes)).digest('hex'), disk.sha512);
    assert.deepEqual((await readdir(folder)).sort(), ['base-vmdk.vmdk', 'base.qcow2']);
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
    await output('delete', children[0] ?? '');
    const text = await output('--output', 'json', 'delete', other, '--cascade');
    const { children: deleted } = JSON.parse(text) as { children: { identifier: string }[] };
    assert.deepEqual(deleted.map(({ identifier }) => identifier), [children[1]]); // prettier-ignore
    const left = await readdir(env.storage);
    assert.deepEqual(left.filter((name) => [other, ...children].some((uuid) => name.startsWith(uuid))), []); // prettier-ignore
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', other, '--cascade'], io), 1);
    assert.match(io.stderr, /No image found/);
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
    assert.match(io.stderr, new RegExp(`other images were made from image [^:]*: .*${uuid}[^]*--cascade`));
    assert.equal(await run(['--task-queue', env.taskQueue, 'delete', uuid], io), 0, io.stderr);
    assert.deepEqual((await readdir(env.storage)).filter((name) => name.startsWith(uuid)), []); // prettier-ignore
  });

  /** Runs a command on the worker of these tests. */
  async function command(code: number, ...words: string[]): Promise<RecordingIo> {
    const io = new RecordingIo(env.variables());
    assert.equal(await run(['--task-queue', env.taskQueue, ...words], io), code, io.stdout + io.stderr);
    return io;
  }

  /** The words of a command that builds a base image, and target images of it. The template is written to a file. */
  async function buildAndConvert(targets: string, template: string, ...words: string[]): Promise<string[]> {
    const file = join(env.storage, `${randomUUID()}.tdl`);
    await writeFile(file, template);
    const parameters = { install_script: PRESEED, flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };
    const given = Object.entries(parameters).flatMap(([name, value]) => ['--parameter', name, value]);
    return ['target_image', targets, '--template', file, ...given, ...words];
  }

  /** Reads the UUIDs of the base image and of the target images from what the command has said at its start. */
  function readUuids({ stderr }: RecordingIo): { baseImage: string; targets: string[] } {
    const [, baseImage = ''] = /^Build (\S+) of .* has started/m.exec(stderr) ?? [];
    return { baseImage, targets: [...stderr.matchAll(/^Target image (\S+) for/gm)].map(([, uuid = '']) => uuid) };
  }

  it('is made from a template: one base image is built for all its targets', async () => {
    const bases = env.images('base').length;
    const words = await buildAndConvert(
      'libvirt,vdi',
      env.template({ name: 'both' }),
      '--parameter',
      'compression',
      'zstd',
    );
    const io = await command(0, ...words);
    const { baseImage, targets } = readUuids(io);
    assert.equal(env.images('base').length - bases, 1);
    assert.equal(targets.length, 2);
    assert.deepEqual([...io.stdout.matchAll(/^UUID: (.*)$/gm)].map(([, uuid]) => uuid), targets); // prettier-ignore
    for (const uuid of targets) {
      const { base_image_id, status, parameters } = await readRecord(uuid);
      assert.deepEqual({ base_image_id, status, parameters }, { base_image_id: baseImage, status: 'COMPLETE', parameters: { compression: 'zstd' } }); // prettier-ignore
    }
    assert.equal((await readRecord(baseImage)).status, 'COMPLETE');
  });

  it('fails with its base image, and is made when both are resumed', async () => {
    const template = (text: string): string =>
      env.template({ name: 'failing', body: `<commands><command name="c">${text}</command></commands>` });
    const io = await command(1, ...(await buildAndConvert('libvirt', template('exit 3'))));
    const { baseImage, targets: [target = ''] } = readUuids(io); // prettier-ignore
    assert.match(io.stdout, new RegExp(`FAILED with error: base: base image ${baseImage} has failed: command:1 c: .*exit status 3`)); // prettier-ignore
    assert.match(io.stderr, new RegExp(`What to do: imagefactory resume ${baseImage} .* then imagefactory resume ${target}`)); // prettier-ignore
    assert.equal((await readRecord(target)).status, 'FAILED');
    assert.match((await command(1, 'resume', target)).stderr, new RegExp(`imagefactory resume ${baseImage} continues`));
    const corrected = join(env.storage, 'corrected.tdl');
    await writeFile(corrected, template('true'));
    await command(0, 'resume', baseImage, '--template', corrected);
    await command(0, 'resume', target);
    assert.equal((await readRecord(target)).status, 'COMPLETE');
  });

  it('leaves its base image to itself when it is cancelled while it waits', async () => {
    let goOn = (): void => undefined;
    const decision = new Promise<'go'>((resolve) => (goOn = () => resolve('go')));
    const match = { service: 'compute', method: 'POST', path: /\/action$/ } as const;
    env.cloud.faults.add({ kind: 'held', match, when: 'before', times: 1, decide: () => decision });
    const words = await buildAndConvert('libvirt', env.template({ name: 'left' }), '--detach');
    const { baseImage, targets: [target = ''] } = readUuids(await command(0, ...words)); // prettier-ignore
    const handle = env.temporal.client.workflow.getHandle(workflowIdFor('target_image', target));
    await until(async () => (await handle.query<BuildStatus>(STATUS_QUERY)).steps.some(({ name }) => name === 'base'), 'it waits'); // prettier-ignore
    const { stderr } = await command(0, 'cancel', target);
    assert.match(stderr, new RegExp(`base image ${baseImage} goes on.*imagefactory cancel ${baseImage}`, 'i'));
    assert.equal((await readRecord(target)).status, 'CANCELED');
    goOn();
    await command(0, 'watch', baseImage);
    await command(0, 'resume', target);
  });

  it('is the same image when it is asked for twice: it is joined while it is made, and kept when it exists', async () => {
    let goOn = (): void => undefined;
    const decision = new Promise<'go'>((resolve) => (goOn = () => resolve('go')));
    const { glance_id: glanceId } = await readRecord(base);
    const match = { method: 'GET', path: new RegExp(`/v2/images/${glanceId}$`) } as const;
    env.cloud.faults.add({ kind: 'held', match, when: 'before', times: 1, decide: () => decision });
    const words = ['target_image', 'openstack-kvm', '--id', base];
    const [first = ''] = (await command(0, ...words, '--detach')).stdout.split('\n');
    const second = await command(0, ...words, '--detach');
    assert.equal(second.stdout, `${first}\n`);
    assert.match(second.stderr, /is being made already: this command joins its build/);
    goOn();
    await command(0, 'watch', first);
    const third = await command(0, ...words);
    assert.match(third.stderr, /exists already; to make it again, delete it first/);
    assert.match(third.stdout, new RegExp(`UUID: ${first}`));
    const other = await command(0, ...words, '--detach', '--parameter', 'compression', 'zlib');
    assert.notEqual(other.stdout, `${first}\n`);
    await command(0, 'watch', other.stdout.trim());
    await command(0, 'delete', first);
    assert.match(
      (await command(0, ...words)).stderr,
      new RegExp(`Target image ${first} for openstack-kvm has started`),
    );
  });

  it('is held when a step fails, and goes on when it is resumed', async () => {
    await rm(join(env.storage, 'cache', 'images'), { recursive: true, force: true });
    const { glance_id: glanceId } = await readRecord(base);
    const match = { method: 'GET', path: new RegExp(`/v2/images/${glanceId}/file$`) } as const;
    env.cloud.faults.add({ kind: 'status', status: 403, match, times: 2 });
    const words = ['target_image', 'alibaba', '--id', base, '--detach'];
    const uuid = (await command(0, ...words, '--on-error', 'hold')).stdout.trim();
    const handle = env.temporal.client.workflow.getHandle(workflowIdFor('target_image', uuid));
    const isHeld = async (): Promise<boolean> => (await handle.query<BuildStatus>(STATUS_QUERY)).held !== undefined;
    await until(isHeld, 'it is held');
    assert.match((await command(1, 'resume', uuid, '--skip')).stderr, /step fetch cannot be skipped/);
    assert.match((await command(1, 'resume', uuid, '--parameter', 'compression', 'zlib')).stderr, /another value of compression makes another image/); // prettier-ignore
    assert.doesNotMatch((await command(0, 'status', uuid)).stdout, /--template/);
    await command(0, 'abort', uuid);
    assert.match((await command(1, 'watch', uuid)).stdout, /FAILED with error: fetch: /);
    assert.match((await command(0, 'status', uuid)).stdout, new RegExp(`goes on from base image ${base}`));
    // It fails once more, is held again, and goes on.
    const again = command(0, 'resume', uuid);
    await until(isHeld, 'it is held again');
    await command(0, 'resume', uuid, '--detach');
    await again;
    assert.match((await command(1, 'resume', uuid)).stderr, /has an image: there is nothing to resume/);
  });

  it('uses its file again when it is resumed after the conversion, and converts nothing twice', async () => {
    const { uuid, disk } = await (await start('incus')).result();
    const handle = await startTarget(env, { uuid, target: 'incus', baseImage: base });
    assert.deepEqual((await handle.result()).disk, disk);
    const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
    assert.deepEqual(steps.map(({ name }) => name), ['plan', 'convert', 'cleanup', 'record']); // prettier-ignore
  });

  it('is refused in one sentence when its base image cannot be used', async () => {
    const target = async (uuid: string): Promise<string> =>
      (await command(1, 'target_image', 'libvirt', '--id', uuid)).stderr;
    assert.match(await target(randomUUID()), /No image found with id/);
    const [made = ''] = (await command(0, 'target_image', 'libvirt', '--id', base, '--detach')).stdout.split('\n');
    assert.match(await target(made), new RegExp(`is no base image, but a TargetImage\n.*${base}`));
    const record = await readRecord(base);
    const states: [Partial<BuildRecord>, RegExp][] = [
      [{ status: 'FAILED' }, /is FAILED, not COMPLETE\n.*imagefactory resume/],
      [{ status: 'COMPLETE', glance_id: null }, /has no image in Glance, so it cannot be converted/],
      [{ status: 'COMPLETE', glance_id: 'gone' }, /image gone of base image \S+ is not in Glance any more/],
    ];
    for (const [change, sentence] of states) {
      const identifier = randomUUID();
      await writeFile(join(env.storage, `${identifier}.meta`), JSON.stringify({ ...record, identifier, ...change }));
      const io = new RecordingIo(env.variables());
      assert.equal(await run(['--task-queue', env.taskQueue, 'target_image', 'libvirt', '--id', identifier], io), 1);
      assert.match(io.stderr + io.stdout, sentence);
    }
    const gone = await env.build(env.template({ name: 'gone' }));
    assert.match(await target(gone.uuid), /is still being built.*\n.*imagefactory watch/);
    await gone.result();
    await command(0, 'delete', gone.uuid);
    assert.match(await target(gone.uuid), /was deleted at .* by .*@/);
  });
});
