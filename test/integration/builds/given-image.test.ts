import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import { createQcow2 } from '../../fakes/openstack/guests/qcow2.js';
import type { FakeImage } from '../../fakes/openstack/state.js';
import { readRecord as readRecordOf } from '../../support/target-builds.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

const GIB = 1024n ** 3n;
const BODY = `<packages><package name="tree"/></packages>
  <commands><command name="look">test -e /etc/os-release</command></commands>`;

/** A qcow2 of 1 GiB whose header a test has changed. */
function changedQcow2(change: (header: Buffer) => void): Buffer {
  const file = createQcow2(GIB);
  change(file);
  return file;
}

describe('an image that exists', () => {
  let env: TestEnv;
  let folder: string;
  /** An image of somebody else: a base image without our marks. */
  let golden: FakeImage;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-given-'));
    env = await TestEnv.start({ worker: false });
    await env.startWorker({ filesFrom: [folder] });
    const { glanceId } = await (await env.build(env.template({ name: 'origin' }))).result();
    golden = env.cloud.state.images.get(glanceId) as FakeImage;
    Object.assign(golden, { name: 'golden', tags: [] });
    for (const name of Object.keys(golden.properties)) {
      if (name.startsWith('imagefactory_')) delete golden.properties[name];
    }
    golden.properties['hw_disk_bus'] = 'scsi';
  });
  after(async () => {
    await env.close();
    await rm(folder, { recursive: true, force: true });
  });

  function build(jeos: string, parameters: Record<string, unknown> = {}, body = BODY): Promise<Build> {
    return env.build(env.template({ name: 'given', body }), { jeos, install_script: undefined, ...parameters });
  }

  it('is customised without an installer, and stays as it is', async () => {
    const before = structuredClone(golden);
    const installed = env.images('jeos').length;
    const building = await build('glance:golden');
    const result = await building.result();
    assert.deepEqual(golden, before);
    assert.equal(env.images('jeos').length, installed);
    assert.deepEqual(env.leftovers().map(({ id }) => id), [golden.id]); // prettier-ignore
    const made = env.cloud.state.images.get(result.glanceId);
    assert.equal(made?.properties['hw_disk_bus'], 'scsi');
    assert.equal(made?.properties['os_distro'], 'debian');
    assert.equal(made?.properties['imagefactory_image'], building.uuid);
    const record = await building.record();
    assert.match(record.icicle ?? '', /<package name="tree"\/>/);
    assert.deepEqual(record.jeos, {
      glance_id: golden.id,
      digest: record.jeos?.digest,
      reused: true,
      source: `glance:${golden.id}`,
      checksum: { algorithm: 'sha512', value: golden.os_hash_value },
    });
    const steps = (await building.status()).steps.map(({ name }) => name);
    assert.ok(steps.includes('jeos') && !steps.includes('installer.create'), steps.join());
  });

  it('is named by --jeos', async () => {
    const io = new RecordingIo(env.variables());
    const command = ['--task-queue', env.taskQueue, 'base_image', '--jeos', `glance:${golden.id}`];
    const parameters = { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };
    for (const [name, value] of Object.entries(parameters)) command.push('--parameter', name, value);
    const file = join(folder, 'given.tdl');
    await writeFile(file, env.template({ name: 'command' }));
    assert.equal(await run([...command, file], io), 0, io.stderr);
    assert.match(io.stdout, /Image build completed SUCCESSFULLY!/);
  });

  it('may be a file of the worker’s machine, which is put into the cloud once for all builds', async () => {
    const file = join(folder, 'cloud image.qcow2');
    const bytes = createQcow2(GIB);
    await writeFile(file, bytes);
    const results = await Promise.all([build(file), build(`file://${encodeURI(file)}`)].map(async (one) => (await one).result())); // prettier-ignore
    const [first, second] = results.map(({ jeos }) => jeos);
    assert.equal(first?.glance_id, second?.glance_id);
    assert.equal(first?.source, `file://${encodeURI(file)}`);
    assert.equal(first?.checksum?.value, createHash('sha512').update(bytes).digest('hex'));
    const uploaded = env.cloud.state.images.get(first?.glance_id ?? '');
    assert.equal(uploaded?.disk_format, 'qcow2');
    assert.equal(uploaded?.properties['imagefactory_role'], 'media');
    const made = env.cloud.state.images.get(results[0]?.glanceId ?? '');
    assert.equal(made?.properties['imagefactory_media'], undefined);
    assert.equal(made?.properties['imagefactory_role'], 'base');
  });

  it('has a volume on which it fits, from Glance and from a file', async () => {
    const before = { ...golden };
    golden.min_disk = 23;
    const file = join(folder, 'large.qcow2');
    await writeFile(file, createQcow2(24n * GIB));
    const builds = [await build('glance:golden', { root_disk: 'volume' }), await build(file, { root_disk: 'volume' })];
    const made = await Promise.all(builds.map((one) => one.result()));
    assert.deepEqual(made.map(({ minDisk }) => minDisk), [23, 24]); // prettier-ignore
    const small = await env.build(env.template({ name: 'given', body: '<disk><size>22</size></disk>' }), {
      jeos: 'glance:golden',
      install_script: undefined,
      root_disk: 'volume',
    });
    assert.match((await small.failure()).message, /the template asks for 22 GiB, but the image needs 23 GiB/);
    Object.assign(golden, before);
  });

  it('may be at an address, with its digest', async () => {
    const bytes = createQcow2(GIB);
    const url = env.media.put('/cloud.qcow2', bytes);
    const checksum = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const { jeos } = await (await build(url, { jeos_checksum: checksum })).result();
    assert.equal(`${jeos.checksum?.algorithm}:${jeos.checksum?.value}`, checksum);
    const other = await build(url, { jeos_checksum: `sha512:${'0'.repeat(128)}` });
    assert.equal((await other.failure()).type, 'ChecksumMismatch');
    const unknown = await build(url);
    assert.match((await unknown.failure()).message, /an image at an address needs its digest/);
  });

  it('is refused when Glance’s image does not fit, before anything is made', async () => {
    const changes: [Partial<FakeImage>, RegExp][] = [
      [{ status: 'deactivated' }, /golden .* cannot be used: it is deactivated, not active/],
      [{ disk_format: 'iso' }, /its format is iso, which is no disk/],
      [{ properties: { ...golden.properties, architecture: 'aarch64' } }, /is for aarch64 machines/],
      [{ properties: { ...golden.properties, os_encrypt_format: 'LUKSv1' } }, /it is encrypted/],
      [{ min_disk: 1000 }, /m1.small has a disk of \d+ GiB, but the image needs 1000 GiB/],
    ];
    for (const [change, why] of changes) {
      const before = { ...golden };
      Object.assign(golden, change);
      try {
        assert.match((await (await build('glance:golden')).failure()).message, why);
      } finally {
        Object.assign(golden, before);
      }
    }
    assert.match((await (await build('glance:silver')).failure()).message, /has no image "silver"/);
    const checked = await build('glance:golden', { jeos_checksum: `sha512:${'1'.repeat(128)}` });
    assert.equal((await checked.failure()).type, 'ChecksumMismatch');
    const twin = { ...golden, id: '11111111-2222-4333-8444-555555555555' };
    env.cloud.state.images.set(twin.id, twin);
    const failure = await (await build('glance:golden')).failure();
    env.cloud.state.images.delete(twin.id);
    assert.match(failure.message, /2 images of cloud .* are called golden/);
    assert.match(JSON.stringify(failure.details), new RegExp(twin.id));
  });

  it('is refused when the file names other files, is encrypted, is no disk, or lies elsewhere', async () => {
    const files: [string, Buffer, RegExp][] = [
      ['backing', changedQcow2((header) => header.writeBigUInt64BE(512n, 8)), /backing is refused: it has a backing file/],
      ['secret', changedQcow2((header) => header.writeUInt32BE(2, 32)), /secret is refused: it is encrypted/],
      ['outside', changedQcow2((header) => header.writeBigUInt64BE(4n, 72)), /its data are in another file/],
      ['bomb', createQcow2(4096n * GIB), /its virtual size is \d+ bytes; the limit is/],
      ['luks', Buffer.concat([Buffer.from('LUKS\xba\xbe', 'latin1'), Buffer.alloc(1024)]), /is not a disk in a format/],
      ['text', Buffer.from('# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'), /is not a disk in a format/],
    ]; // prettier-ignore
    for (const [name, bytes, why] of files) {
      await writeFile(join(folder, name), bytes);
      const media = env.images('media').length;
      const failure = await (await build(join(folder, name))).failure();
      assert.match(failure.message, why);
      assert.equal(env.images('media').length, media);
    }
    const elsewhere = await (await build('/etc/hostname')).failure();
    assert.match(elsewhere.message, /is in none of the folders that templates may read/);
  });

  describe('that is imported', () => {
    const LOGIN = { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };

    async function importImage(
      image: string,
      options: string[] = [],
    ): Promise<{ code: number; io: RecordingIo; uuid: string }> {
      const io = new RecordingIo(env.variables());
      const parameters = Object.entries(LOGIN).flatMap(([name, value]) => ['--parameter', name, value]);
      const code = await run(
        ['--task-queue', env.taskQueue, 'import_base_image', image, ...parameters, ...options],
        io,
      );
      return { code, io, uuid: /^UUID: (.*)$/m.exec(io.stdout)?.[1] ?? '' };
    }

    const readRecord = (uuid: string): Promise<BuildRecord> => readRecordOf(env, uuid);

    async function deleteImage(uuid: string): Promise<void> {
      const io = new RecordingIo(env.variables());
      assert.equal(await run(['--task-queue', env.taskQueue, 'delete', uuid], io), 0, io.stderr);
    }

    it('from Glance becomes a base image whose system and packages an instance tells, and is never changed', async () => {
      const before = structuredClone(golden);
      const { code, io, uuid } = await importImage('glance:golden');
      assert.equal(code, 0, io.stderr);
      const record = await readRecord(uuid);
      assert.equal(record.type, 'BaseImage');
      assert.equal(record.status, 'COMPLETE');
      assert.equal(record.glance_id, golden.id);
      assert.deepEqual(record.os, { name: 'Debian', version: '12', arch: 'x86_64' });
      assert.match(record.icicle ?? '', /<package name="openssh-server"\/>/);
      assert.match(record.template, /<version>12<\/version>/);
      assert.equal(record.jeos?.source, `glance:${golden.id}`);
      assert.equal(record.checksum?.value, golden.os_hash_value);
      assert.deepEqual(env.leftovers().map(({ id }) => id), [golden.id]); // prettier-ignore
      const target = new RecordingIo(env.variables());
      assert.equal(
        await run(['--task-queue', env.taskQueue, 'target_image', 'qcow2', '--id', uuid], target),
        0,
        target.stderr,
      );
      await deleteImage(/^UUID: (.*)$/m.exec(target.stdout)?.[1] ?? '');
      await deleteImage(uuid);
      assert.deepEqual(golden, before);
      assert.ok(env.cloud.state.images.has(golden.id));
    });

    it('from a file becomes an image with exactly its bytes, which belongs to its record', async () => {
      const file = join(folder, 'appliance.qcow2');
      const bytes = createQcow2(GIB);
      await writeFile(file, bytes);
      const { code, io, uuid } = await importImage(file);
      assert.equal(code, 0, io.stderr);
      const record = await readRecord(uuid);
      const image = env.cloud.state.images.get(record.glance_id ?? '');
      assert.equal(image?.name, 'appliance');
      assert.equal(image?.min_disk, 1);
      assert.equal(image?.os_hash_value, createHash('sha512').update(bytes).digest('hex'));
      assert.equal(image?.properties['imagefactory_image'], uuid);
      assert.equal(image?.properties['os_distro'], 'debian');
      assert.deepEqual(record.checksum, { algorithm: 'sha512', value: image?.os_hash_value });
      assert.equal(record.jeos?.source, `file://${file}`);
      await deleteImage(uuid);
      assert.ok(!env.cloud.state.images.has(record.glance_id ?? ''));
    });

    it('needs no login when the user names its system, and then has no package list', async () => {
      const file = join(folder, 'plain.raw');
      await writeFile(file, Buffer.alloc(1024 ** 2));
      const options = ['--no-boot', '--os', 'debian-12/x86_64', '--format', 'raw'];
      const { code, io, uuid } = await importImage(file, options);
      assert.equal(code, 0, io.stderr);
      const record = await readRecord(uuid);
      assert.deepEqual(record.os, { name: 'Debian', version: '12', arch: 'x86_64' });
      assert.equal(record.packages, null);
      assert.match(record.icicle_warning ?? '', /imported without a boot \(--no-boot\)/);
      assert.equal(env.cloud.state.images.get(record.glance_id ?? '')?.disk_format, 'raw');
    });

    it('leaves nothing when its file is refused, or when nobody can log in', async () => {
      const images = env.cloud.state.images.size;
      await writeFile(
        join(folder, 'overlay'),
        changedQcow2((header) => header.writeBigUInt64BE(512n, 8)),
      );
      const refused = await importImage(join(folder, 'overlay'));
      assert.equal(refused.code, 1);
      assert.match(refused.io.stdout, /import: the disk .*overlay is refused: it has a backing file/);
      for (const verb of ['status', 'watch']) {
        const [, uuid = ''] = /^Import (\S+) of/m.exec(refused.io.stderr) ?? [];
        const io = new RecordingIo(env.variables());
        await run(['--task-queue', env.taskQueue, verb, uuid], io);
        assert.match(io.stdout + io.stderr, /imagefactory import_base_image IMAGE/, verb);
        assert.doesNotMatch(io.stdout + io.stderr, /imagefactory resume/, verb);
      }
      await writeFile(join(folder, 'closed'), createQcow2(GIB));
      const options = ['--parameter', 'default_user', 'nobody-there', '--parameter', 'boot_timeout', '3'];
      const closed = await importImage(join(folder, 'closed'), options);
      assert.equal(closed.code, 1);
      assert.match(closed.io.stdout, /ssh: no login over SSH by the deadline/);
      assert.equal(env.cloud.state.images.size, images);
      assert.deepEqual(env.leftovers().map(({ id }) => id), [golden.id]); // prettier-ignore
    });
  });
});
