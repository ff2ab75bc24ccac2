import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../../../src/cli/cli.js';
import type { BuildRecord } from '../../../src/domain/record.js';
import { Providers } from '../../../src/providers/providers.js';
import { FakeCloud } from '../../fakes/openstack/fake-cloud.js';
import { TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

const PROJECT = '7d2b4a1c9e8f4b0d8c6a5e4f3b2a1d0c';

describe('a provider image', () => {
  let env: TestEnv;
  let other: FakeCloud;
  let folder: string;
  let base: string;
  /** Targets and their compressions, one for each test. */
  const unused = ['libvirt', 'proxmox', 'oci-cloud', 'alibaba', 'incus'].flatMap((target) => [
    [target, 'none'],
    [target, 'zlib'],
  ]);
  before(async () => {
    env = await TestEnv.start({ worker: false });
    other = await FakeCloud.start({ speedUp: 300 });
    folder = await mkdtemp(join(tmpdir(), 'provider-image-'));
    const entries = { other: { kind: 'glance', cloud: 'envvars' } };
    await env.startWorker({ providers: new Providers(entries, other.env()) });
    base = (await (await env.build(env.template({ name: 'first' }))).result()).uuid;
  });
  after(async () => {
    await env.close();
    await other.close();
    await rm(folder, { recursive: true });
  });

  /** Runs a command, and returns its output and its exit code. */
  async function command(...line: string[]): Promise<RecordingIo & { code: number }> {
    const io = new RecordingIo(env.variables());
    const code = await run(['--task-queue', env.taskQueue, ...line], io);
    return Object.assign(io, { code });
  }

  async function output(...line: string[]): Promise<string> {
    const io = await command(...line);
    assert.equal(io.code, 0, io.stderr);
    return io.stdout;
  }

  /** Makes a target image for one test. All are made of one base image, for targets that need nothing in the guest. */
  async function makeTarget(): Promise<string> {
    const [target = '', compression = ''] = unused.pop() ?? [];
    const line = ['target_image', target, '--id', base, '--parameter', 'compression', compression];
    return (await output(...line)).match(/UUID: (\S+)/)?.[1] ?? '';
  }

  async function readRecord(uuid: string): Promise<BuildRecord> {
    return JSON.parse(await readFile(join(env.storage, `${uuid}.meta`), 'utf8')) as BuildRecord;
  }

  it('has the bytes of the target image, which is made first', async () => {
    const block = await output('push', base, 'other');
    assert.match(block, /^Type: provider_image$/m);
    const id = /^Image ID on provider: (\S+)\nImage build completed SUCCESSFULLY!$/m.exec(block)?.[1] ?? '';
    const image = other.state.images.get(id);
    assert.equal(image?.status, 'active');
    assert.equal(image.name, 'first-openstack-kvm');
    assert.equal(image.disk_format, 'qcow2');
    const uuid = /^UUID: (\S+)$/m.exec(block)?.[1] ?? '';
    const record = await readRecord(uuid);
    const body = await readFile(record.data);
    assert.equal(image.os_hash_value, createHash('sha512').update(body).digest('hex'));
    assert.equal(image.properties['imagefactory_image'], uuid);
    assert.equal(image.properties['imagefactory_source'], image.os_hash_value.slice(0, 32));
    const target = await readRecord(record.target_image_id ?? '');
    assert.deepEqual(
      [record.type, record.status, record.provider, record.provider_kind, record.identifier_on_provider],
      ['ProviderImage', 'COMPLETE', 'other', 'glance', id],
    );
    assert.equal(record.verified_by, 'sha512 computed by Glance');
    assert.deepEqual(record.parent, { id: target.identifier, digest: { algorithm: 'sha512', value: target.sha512 } });
    assert.equal(record.icicle, target.icicle);
    // Nothing but the image is left.
    assert.equal(other.state.images.size, 1);
  });

  it('is pushed once, whoever asks', async () => {
    const target = await makeTarget();
    const first = await output('push', target, 'other');
    const images = other.state.images.size;
    const second = await command('push', target, '@other');
    assert.equal(second.code, 0, second.stderr);
    assert.equal(second.stdout, first);
    assert.match(second.stderr, /exists already; to push it again, delete it first/);
    assert.equal(other.state.images.size, images);
  });

  it('is made once although the replies to the calls that make it are lost', async () => {
    const target = await makeTarget();
    const images = other.state.images.size;
    for (const [method, path] of [
      ['POST', /^\/v2\/images$/],
      ['PUT', /\/file$/],
      ['PATCH', /^\/v2\/images\//],
    ] as const) {
      other.faults.add({ kind: 'reset-after', match: { service: 'image', method, path } });
    }
    await output('push', target, 'other');
    assert.equal(other.state.images.size, images + 1);
  });

  it('keeps what was uploaded when a later step fails, and goes on with it', async () => {
    const target = await makeTarget();
    const stop = other.faults.add({
      kind: 'status',
      status: 403,
      match: { service: 'image', method: 'PATCH' },
      times: Infinity,
    });
    const failed = await command('push', target, 'other');
    stop();
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /Image build FAILED with error: register: Glance of cloud envvars refused PATCH/);
    const uploads = other.calls.count({ service: 'image', method: 'PUT' });
    const uuid = /imagefactory resume (\S+)/.exec(failed.stderr)?.[1] ?? '';
    await output('resume', uuid);
    assert.equal(other.calls.count({ service: 'image', method: 'PUT' }), uploads);
    assert.equal((await readRecord(uuid)).status, 'COMPLETE');
  });

  it('leaves nothing when it is canceled in the middle of its upload', async () => {
    const target = await makeTarget();
    const images = other.state.images.size;
    let arrived: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (arrived = resolve));
    let go: (decision: 'cut') => void = () => undefined;
    const decided = new Promise<'cut'>((resolve) => (go = resolve));
    other.faults.add({
      kind: 'held',
      when: 'before',
      decide: () => (arrived(), decided),
      match: { service: 'image', method: 'PUT' },
    });
    const uuid = (await output('push', target, 'other', '--detach')).trim();
    await held;
    assert.equal(other.state.images.size, images + 1);
    await output('cancel', uuid, '--detach');
    go('cut');
    await command('watch', uuid);
    assert.equal(other.state.images.size, images);
    assert.equal((await readRecord(uuid)).status, 'CANCELED');
  });

  it('leaves nothing when it is canceled after its registration, whose reply was lost', async () => {
    const target = await makeTarget();
    const images = other.state.images.size;
    other.faults.add({
      kind: 'reset-after',
      match: { service: 'image', method: 'PATCH', path: /^\/v2\/images\// },
      times: Infinity,
    });
    const uuid = (await output('push', target, 'other', '--detach')).trim();
    await until(
      () =>
        [...other.state.images.values()].some(
          ({ properties, name }) =>
            properties['imagefactory_image'] === uuid && name !== `imagefactory-provider-${uuid}`,
        ) || undefined,
      'the image is registered',
    );
    await output('cancel', uuid, '--detach');
    other.faults.clear();
    await command('watch', uuid);
    assert.equal(other.state.images.size, images);
    assert.equal((await readRecord(uuid)).status, 'CANCELED');
  });

  it('gives back to gc what a failed push has left, when it is old enough', async () => {
    const target = await makeTarget();
    const images = other.state.images.size;
    const stop = other.faults.add({
      kind: 'status',
      status: 403,
      match: { service: 'image', method: 'PATCH' },
      times: Infinity,
    });
    await command('push', target, 'other');
    stop();
    const kept = await output('gc', '--provider', 'other', '--verbose');
    assert.match(kept, /stays +image .* younger than 24 h/);
    const swept = await output('gc', '--provider', 'other', '--older-than', '0s');
    assert.match(swept, /^provider other: 1 removed/m);
    assert.equal(other.state.images.size, images);
  });

  it('is shared with other projects', async () => {
    const target = await makeTarget();
    const block = await output('push', target, 'other', '--parameter', 'share', PROJECT);
    const image = other.state.images.get(/provider: (\S+)/.exec(block)?.[1] ?? '');
    assert.equal(image?.visibility, 'shared');
    assert.deepEqual(image.members, [PROJECT]);
    assert.deepEqual((await readRecord(/UUID: (\S+)/.exec(block)?.[1] ?? '')).shared_with, [PROJECT]);
  });

  it('goes to a provider that files describe, with credentials that no history has', async () => {
    const target = await makeTarget();
    const { target: name = '' } = await readRecord(target);
    const {
      OS_AUTH_URL: url,
      OS_USERNAME: username,
      OS_PASSWORD: password = '',
      OS_PROJECT_NAME: tenant,
    } = other.env();
    await writeFile(join(folder, 'glance.json'), JSON.stringify({ kind: 'glance', cloud: 'mine' }));
    await writeFile(
      join(folder, 'credentials.xml'),
      `<provider_credentials><openstack_credentials><username>${username}</username><tenant>${tenant}</tenant>` +
        `<password>${password}</password><auth_url>${url}</auth_url></openstack_credentials></provider_credentials>`,
    );
    const block = await output(
      'provider_image',
      name,
      join(folder, 'glance.json'),
      join(folder, 'credentials.xml'),
      '--id',
      target,
    );
    const uuid = /UUID: (\S+)/.exec(block)?.[1] ?? '';
    const { events } = await env.temporal.client.workflow.getHandle(`provider_image-${uuid}`).fetchHistory();
    assert.ok(
      !JSON.stringify(events, (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
      ).includes(password),
    );
    const keys = (await readdir(env.storage, { recursive: true })).filter((name) => name.endsWith('credentials.key'));
    assert.deepEqual(keys, []);
    assert.equal((await readRecord(uuid)).provider, 'glance.json');
  });

  it('is removed from its provider by the record alone; before that, its target image stays', async () => {
    const target = await makeTarget();
    const block = await output('push', target, 'other');
    const [uuid = '', id = ''] = [/UUID: (\S+)/, /provider: (\S+)/].map((pattern) => pattern.exec(block)?.[1]);
    const refused = await command('delete', target);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`other images were made from image ${target}: ${uuid} \\(other\\)`));
    const removed = await output('delete', uuid);
    assert.match(removed, new RegExp(`image ${id} at Glance of cloud envvars`));
    assert.equal(other.state.images.has(id), false);
    await output('delete', target);
  });

  it('never takes the image of somebody else, whatever its name and marks are', async () => {
    const target = await makeTarget();
    const block = await output('push', target, 'other');
    const [uuid = '', id = ''] = [/UUID: (\S+)/, /provider: (\S+)/].map((pattern) => pattern.exec(block)?.[1]);
    const pushed = other.state.images.get(id);
    assert.ok(pushed !== undefined);
    // Nova copies the marks to the snapshot of an instance of the image.
    const copy = { ...pushed, id: '11111111-2222-4333-8444-555555555555', name: `imagefactory-provider-${uuid}` };
    other.state.images.set(copy.id, copy);
    await output('delete', uuid);
    assert.equal(other.state.images.has(id), false);
    assert.equal(other.state.images.has(copy.id), true);
  });

  it('fails with what to do for a provider that nobody knows', async () => {
    const unknown = await command('push', base, 'othr');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /the workers have no provider "othr"/);
    assert.match(unknown.stderr, /did you mean other\?/);
  });

  it('lists the providers, and tries them', async () => {
    const list = await output('providers', '--check');
    assert.match(list, /^other +glance +qcow2, raw, vmdk, vhd, vhdx, vdi +Glance of cloud envvars/m);
    assert.match(list, /sign in: works/);
    other.faults.add({ kind: 'status', status: 403, match: { service: 'image', method: 'GET' }, times: 3 });
    const forbidden = await command('providers', '--check', 'other');
    assert.equal(forbidden.code, 1);
    assert.match(forbidden.stdout, /list images: fails: Glance of cloud envvars refused GET/);
  });
});
