import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { glance } from '../../../../src/providers/glance/glance.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { FakeCloud } from '../../../fakes/openstack/fake-cloud.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

const CONTENT = randomBytes(300_000);

describe('the provider glance', () => {
  let cloud: FakeCloud;
  let folder: string;
  let provider: Provider;
  let image: PushedImage;
  before(async () => {
    cloud = await FakeCloud.start();
    folder = await mkdtemp(join(tmpdir(), 'glance-'));
  });
  after(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });
  before(async () => {
    image = await createPushedImage(folder, CONTENT, { format: 'raw', guestProperties: { hw_machine_type: 'q35' } });
    provider = await connect();
  });
  after(() => provider.close());
  afterEach(() => {
    cloud.faults.clear();
    cloud.state.images.clear();
    cloud.state.deletedImageIds.clear();
  });

  function connect(configuration: object = {}): Promise<Provider> {
    return glance.connect({
      name: 'other',
      configuration: glance.schema.parse({ kind: 'glance', cloud: 'envvars', ...configuration }),
      credentials: undefined,
      env: cloud.env(),
    });
  }

  /** Pushes the image as the activities do: each call again, until it ends without an error that passes. */
  async function push(used = provider): ReturnType<Provider['register']> {
    const uploaded = await retry(() => used.upload(createOperation(), image));
    return retry(() => used.register(createOperation(), image, uploaded));
  }

  async function retry<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (tries === 5 || !(error as { retryable?: boolean }).retryable) throw error;
      }
    }
  }

  it('registers the bytes of the file with our marks and the properties of the guest', async () => {
    const registered = await push();
    const [made] = [...cloud.state.images.values()];
    assert.equal(made?.id, registered.id);
    assert.equal(made.name, 'debian-12-test');
    assert.equal(made.visibility, 'private');
    assert.equal(made.properties['hw_machine_type'], 'q35');
    assert.equal(made.properties['imagefactory_image'], image.uuid);
    assert.equal(registered.verifiedBy, 'sha512 computed by Glance');
    assert.deepEqual(await provider.find(createOperation(), image), registered);
  });

  it('does what the configuration says', async () => {
    const other = await connect({ visibility: 'community', hidden: true, properties: { hw_disk_bus: 'scsi' } });
    const { id } = await push(other);
    await other.close();
    const made = cloud.state.images.get(id);
    assert.deepEqual([made?.visibility, made?.os_hidden, made?.properties['hw_disk_bus']], ['community', true, 'scsi']);
  });

  const faults: [name: string, fault: FaultKind][] = [
    ['the reply is lost', { kind: 'reset-after' }],
    ['the connection is cut', { kind: 'reset-before' }],
    ['the cloud answers 503', { kind: 'status', status: 503 }],
    ['the cloud answers 429', { kind: 'status', status: 429 }],
  ];
  const calls: [name: string, method: string, path: RegExp][] = [
    ['the image is created', 'POST', /^\/v2\/images$/],
    ['the bytes are sent', 'PUT', /\/file$/],
    ['the image is registered', 'PATCH', /^\/v2\/images\//],
    ['the image is looked up', 'GET', /^\/v2\/images\//],
  ];
  for (const [fault, kind] of faults) {
    for (const [call, method, path] of calls) {
      it(`makes one image when ${fault} as ${call}`, async () => {
        cloud.faults.add({ ...kind, match: { service: 'image', method, path } });
        const { id } = await push();
        assert.deepEqual([...cloud.state.images.keys()], [id]);
        assert.equal(cloud.state.images.get(id)?.status, 'active');
        assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
      });
    }
  }

  it('makes another image when somebody has deleted the first one, because Glance uses no id twice', async () => {
    const { id } = await push();
    await cloud.deleteImage(id);
    const again = await push();
    assert.notEqual(again.id, id);
    assert.deepEqual(await provider.find(createOperation(), image), again);
  });

  it('refuses bytes that changed on their way, and uploads them again', async () => {
    const { id } = await provider.upload(createOperation(), image).then(({ ids }) => ({ id: ids['image'] ?? '' }));
    const made = cloud.state.images.get(id);
    assert.ok(made !== undefined);
    made.os_hash_value = 'f'.repeat(128);
    await assert.rejects(() => provider.upload(createOperation(), image), /has other bytes than the file/);
    assert.equal(cloud.state.images.size, 0);
    await push();
  });

  it('removes an unfinished push, never a registered image', async () => {
    await provider.upload(createOperation(), image);
    const [unfinished] = await provider.listStaging(createOperation());
    assert.equal(unfinished?.uuid, image.uuid);
    assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 1);
    await push();
    assert.deepEqual(await provider.listStaging(createOperation()), []);
    assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
    assert.equal(cloud.state.images.size, 1);
  });

  it('deletes its image twice without an error, and never the image of somebody else', async () => {
    const registered = await push();
    assert.equal((await provider.delete(createOperation(), registered)).length, 1);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
    const theirs = '0f1e2d3c-0000-4000-8000-000000000001';
    const copy = await push();
    const made = cloud.state.images.get(copy.id);
    assert.ok(made !== undefined);
    cloud.state.images.set(theirs, { ...made, id: theirs });
    await assert.rejects(() => provider.delete(createOperation(), { ...copy, id: theirs }), /was not pushed by/);
  });

  it('shares its image with projects, and again', async () => {
    const registered = await push();
    await provider.share?.(createOperation(), registered, ['p1', 'p2']);
    await provider.share?.(createOperation(), registered, ['p1', 'p2']);
    const made = cloud.state.images.get(registered.id);
    assert.deepEqual([made?.visibility, made?.members], ['shared', ['p1', 'p2']]);
  });

  it('says which permission is missing', async () => {
    const names = async (): Promise<string[]> =>
      (await provider.check(createOperation(), image)).map(({ what, ok }) => `${what}: ${ok}`);
    assert.deepEqual(await names(), ['sign in: true', 'list images: true']);
    cloud.faults.add({ kind: 'status', status: 403, match: { service: 'image', method: 'GET' } });
    assert.deepEqual(await names(), ['sign in: true', 'list images: false']);
  });

  it('says that this Glance does not take the format', async () => {
    const other = { ...image, file: { ...image.file, format: 'ova' as const } };
    const findings = await provider.check(createOperation(), other);
    const missing = findings.find(({ ok }) => !ok);
    assert.equal(missing?.what, 'the format ova');
    assert.match(missing.message ?? '', /this Glance takes only/);
  });
});
