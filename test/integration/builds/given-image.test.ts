import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import { createQcow2 } from '../../fakes/openstack/guests/qcow2.js';
import type { FakeImage } from '../../fakes/openstack/state.js';
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

describe('a build of an image that exists', () => {
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

  it('customises an image of the cloud without an installer, and leaves that image as it is', async () => {
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

  it('is started by the command', async () => {
    const io = new RecordingIo(env.variables());
    const command = ['--task-queue', env.taskQueue, 'base_image', '--jeos', `glance:${golden.id}`];
    const parameters = { flavor: 'm1.small', default_user: 'debian', command_prefix: 'sudo' };
    for (const [name, value] of Object.entries(parameters)) command.push('--parameter', name, value);
    const file = join(folder, 'given.tdl');
    await writeFile(file, env.template({ name: 'command' }));
    assert.equal(await run([...command, file], io), 0, io.stderr);
    assert.match(io.stdout, /Image build completed SUCCESSFULLY!/);
  });

  it('puts a file of the worker’s machine into the cloud once, for all builds of that file', async () => {
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

  it('fetches the file at an address, and checks its digest', async () => {
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

  it('is refused when the image in Glance does not fit, before anything is made', async () => {
    const changes: [Partial<FakeImage>, RegExp][] = [
      [{ status: 'deactivated' }, /golden .* cannot be used: it is deactivated, not active/],
      [{ disk_format: 'iso' }, /its format is iso, which is no disk/],
      [{ properties: { ...golden.properties, architecture: 'aarch64' } }, /is for aarch64 machines/],
      [{ properties: { ...golden.properties, os_encrypt_format: 'LUKSv1' } }, /it is encrypted/],
      [{ min_disk: 1000 }, /m1.small has a disk of \d+ GiB, but image .* needs 1000 GiB/],
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
});
