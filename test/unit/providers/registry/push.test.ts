import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, it } from 'node:test';
import type { RegistryTraits } from '../../../fakes/providers/registry/fake-registry.js';
import { createOperation } from '../../../support/providers/operation.js';
import { push, REPOSITORY, RegistrySetup } from './setup.js';

describe('a push to a registry', () => {
  let setup: RegistrySetup;
  const start = async (traits?: RegistryTraits): Promise<RegistrySetup> => (setup = await RegistrySetup.create(traits));
  afterEach(() => setup.close());

  it('makes an artifact of a disk, with its marks, its record and its packages', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk({ format: 'qcow2' });
    const { registered } = await push(provider, image);
    const digest = setup.repository.tags.get(image.uuid);
    assert.equal(registered.id, `${setup.registry.host}/${REPOSITORY}@${digest}`);
    const manifest = setup.manifest(image.uuid);
    assert.equal(manifest.artifactType, 'application/vnd.imagefactory-nova.image.v1');
    assert.equal(manifest.config.mediaType, 'application/vnd.oci.empty.v1+json');
    assert.deepEqual(manifest.layers, [
      {
        mediaType: 'application/x-qemu-disk',
        digest: `sha256:${image.file.sha256}`,
        size: 3500,
        annotations: { 'org.opencontainers.image.title': 'debian-12.qcow2' },
      },
    ]);
    assert.deepEqual(manifest.annotations, {
      'org.opencontainers.image.title': 'debian-12-test',
      imagefactory_tool: 'imagefactory-nova',
      imagefactory_image: image.uuid,
      imagefactory_source: image.file.sha512.slice(0, 32),
      imagefactory_creator: 'test:1',
    });
    const documents = registered.resources
      .filter(({ kind }) => kind === 'document')
      .map(({ id }) => setup.manifest(id));
    assert.deepEqual(
      documents.map(({ layers, subject }) => [
        setup.repository.blobs.get(layers[0]?.digest ?? '')?.toString(),
        subject?.digest,
      ]),
      [
        [image.documents.record, digest],
        [image.documents.icicle, digest],
      ],
    );
    assert.equal(documents[0]?.annotations['imagefactory_image'], image.uuid);
    assert.deepEqual([...setup.repository.tags.keys()], [image.uuid]);
    assert.match(registered.verifiedBy, /SHA-256 of every blob/);
  });

  for (const format of ['oci', 'containerdisk'] as const) {
    it(`makes a container image of the format ${format}, from the blobs in the archive`, async () => {
      await start();
      const provider = await setup.connect();
      const image = await setup.createContainerImage(format);
      await push(provider, image);
      const manifest = setup.manifest(image.uuid);
      assert.equal(manifest.artifactType, undefined);
      assert.equal(manifest.config.mediaType, 'application/vnd.oci.image.config.v1+json');
      for (const { digest } of [manifest.config, ...manifest.layers]) {
        const content = setup.repository.blobs.get(digest) ?? Buffer.alloc(0);
        assert.equal(`sha256:${createHash('sha256').update(content).digest('hex')}`, digest);
      }
      const archive = await readFile(image.file.path);
      assert.ok(archive.includes(setup.repository.blobs.get(manifest.layers[0]?.digest ?? '') ?? 'nothing'));
      assert.equal(manifest.annotations['imagefactory_image'], image.uuid);
    });
  }

  it('keeps the list of documents itself where the registry does not', async () => {
    await start({ referrers: false });
    const provider = await setup.connect();
    const { registered } = await push(provider, await setup.createDisk());
    const digest = registered.id.split('@')[1] ?? '';
    const list = setup.manifest(digest.replace(':', '-')) as unknown as {
      manifests: { digest: string; artifactType: string }[];
    };
    assert.deepEqual(
      list.manifests.map(({ artifactType }) => artifactType),
      ['application/vnd.imagefactory-nova.record.v1+json', 'application/vnd.imagefactory-nova.icicle.v1+xml'],
    );
    assert.equal(registered.resources.length, 3);
    assert.equal((await provider.delete(createOperation(), registered)).length, 3);
    assert.deepEqual(setup.repository.manifests.size, 0);
  });

  it('leaves the entries of others in the list of documents', async () => {
    await start({ referrers: false });
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const { registered } = await push(provider, image);
    const digest = registered.id.split('@')[1] ?? '';
    const other = { digest: digestOfFirstDocument(), mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 3 };
    const list = setup.manifest(digest.replace(':', '-')) as unknown as { manifests: unknown[] };
    const text = JSON.stringify({
      ...list,
      manifests: [...list.manifests, { ...other, annotations: { signed: 'by others' } }],
    });
    setup.repository.manifests.set(other.digest, { mediaType: other.mediaType, text: Buffer.from('{}') });
    await fetch(`${setup.registry.url}/v2/${REPOSITORY}/manifests/${digest.replace(':', '-')}`, {
      method: 'PUT',
      body: text,
      headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    });
    await provider.delete(createOperation(), registered);
    const kept = setup.manifest(digest.replace(':', '-')) as unknown as { manifests: { digest: string }[] };
    assert.deepEqual(
      kept.manifests.map((entry) => entry.digest),
      [other.digest],
    );
    assert.ok(setup.repository.manifests.has(other.digest));
  });

  it('moves the configured tags from an older image of ours to the newer', async () => {
    await start();
    const provider = await setup.connect({ tags: ['latest', '12'] });
    const older = await setup.createDisk();
    const newer = await setup.createDisk();
    await push(provider, older);
    await push(provider, newer);
    const { tags } = setup.repository;
    assert.equal(tags.get('latest'), tags.get(newer.uuid));
    assert.equal(tags.get('12'), tags.get(newer.uuid));
    assert.notEqual(tags.get(older.uuid), tags.get(newer.uuid));
  });

  it('moves the configured tags before the own tag, so that an image is not found before all is done', async () => {
    await start();
    const provider = await setup.connect({ tags: ['latest', '12'] });
    const image = await setup.createDisk();
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    const tag = { method: 'PUT', path: /\/manifests\/12$/ };
    setup.registry.server.fail({ kind: 'status', status: 403, match: tag });
    await assert.rejects(provider.register(operation, image, uploaded), { type: 'Forbidden' });
    assert.equal(await provider.find(operation, image), undefined);
    const registered = await provider.register(operation, image, uploaded);
    const { tags } = setup.repository;
    const digest = registered.id.split('@')[1];
    assert.deepEqual(Object.fromEntries(tags), { latest: digest, 12: digest, [image.uuid]: digest });
  });

  it('keeps the image of the configured tags when it is canceled just before its own tag is put', async () => {
    await start();
    const provider = await setup.connect({ tags: ['latest'] });
    const image = await setup.createDisk();
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    const own = { method: 'PUT', path: new RegExp(`/manifests/${image.uuid}$`) };
    setup.registry.server.fail({ kind: 'status', status: 403, match: own });
    await assert.rejects(provider.register(operation, image, uploaded), { type: 'Forbidden' });
    await provider.removeStaging(operation, image.uuid, { everything: true });
    assert.deepEqual([...setup.repository.tags.keys()], ['latest']);
  });

  it('does not take the configured tags back from a newer image', async () => {
    await start();
    const provider = await setup.connect({ tags: ['latest'] });
    const older = await setup.createDisk();
    const newer = await setup.createDisk();
    await push(provider, older);
    await push(provider, newer);
    await push(provider, older);
    assert.equal(setup.repository.tags.get('latest'), setup.repository.tags.get(newer.uuid));
  });

  it('refuses before the upload a configured tag that somebody else uses, and leaves it', async () => {
    await start();
    const provider = await setup.connect({ tags: ['latest'] });
    const image = await setup.createDisk();
    setup.repository.manifests.set('sha256:x', {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      text: Buffer.from('{"schemaVersion":2}'),
    });
    setup.repository.tags.set('latest', 'sha256:x');
    await assert.rejects(push(provider, image), {
      type: 'Conflict',
      message: /the tag latest in .* was not pushed by/,
    });
    assert.equal(setup.registry.received, 0);
    assert.equal(setup.repository.tags.get('latest'), 'sha256:x');
    const findings = await provider.check(createOperation(), image);
    assert.match(findings.find(({ ok }) => !ok)?.message ?? '', /the tag latest/);
  });

  it('refuses the image’s own tag with another source', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const { registered } = await push(provider, image);
    const other = await setup.createDisk({ uuid: image.uuid });
    await assert.rejects(provider.find(createOperation(), other), { type: 'Conflict' });
    await assert.rejects(push(provider, other), { type: 'Conflict' });
    assert.deepEqual(await provider.find(createOperation(), image), registered);
  });

  it('sends nothing for an image that is there, and a blob once for two images', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const first = await push(provider, image);
    const again = await push(provider, image);
    assert.equal(again.sent, 0);
    assert.deepEqual(again.registered, first.registered);
    const twin = { ...image, uuid: '11111111-2222-4333-8444-555555555555' };
    assert.equal((await push(provider, twin)).sent, 0);
    assert.equal(setup.repository.tags.size, 2);
  });

  it('finds nothing before a push', async () => {
    await start();
    const provider = await setup.connect();
    assert.equal(await provider.find(createOperation(), await setup.createDisk()), undefined);
  });

  it('deletes an image with its documents, and nothing else; twice is no error', async () => {
    await start();
    const provider = await setup.connect();
    const kept = await setup.createDisk();
    const image = await setup.createDisk();
    await push(provider, kept);
    const { registered } = await push(provider, image);
    const removed = await provider.delete(createOperation(), registered);
    assert.equal(removed.length, 3);
    assert.match(removed[2] ?? '', /^image .*@sha256:/);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
    assert.deepEqual([...setup.repository.tags.keys()], [kept.uuid]);
    assert.equal(setup.repository.manifests.size, 3);
  });

  it('deletes nothing of somebody else', async () => {
    await start();
    const provider = await setup.connect();
    const { registered } = await push(provider, await setup.createDisk());
    const lie = { ...registered, resources: [{ kind: 'tag', id: '11111111-2222-4333-8444-555555555555' }] };
    await assert.rejects(provider.delete(createOperation(), lie), { type: 'Conflict' });
    const elsewhere = { ...registered, id: registered.id.replace(setup.registry.host, 'registry.example.org') };
    await assert.rejects(provider.delete(createOperation(), elsewhere), { type: 'InvalidParameter' });
    assert.equal(setup.repository.manifests.size, 3);
  });

  it('says what to do where the registry does not allow to delete', async () => {
    await start({ deletion: false });
    const provider = await setup.connect();
    const { registered } = await push(provider, await setup.createDisk());
    await assert.rejects(provider.delete(createOperation(), registered), {
      type: 'Forbidden',
      message: /does not allow to delete \(405\)/,
      hint: /REGISTRY_STORAGE_DELETE_ENABLED/,
    });
  });

  it('says which repository is missing where a push makes none', async () => {
    await start({ makesRepositories: false });
    const provider = await setup.connect();
    await assert.rejects(push(provider, await setup.createDisk()), {
      type: 'NotFound',
      message: /no repository team\/images\/debian-12-test/,
      hint: /create the repository/,
    });
    const findings = await provider.check(createOperation());
    assert.match(findings[1]?.message ?? '', /make that of each image before its first push/);
    assert.equal((await provider.check(createOperation(), await setup.createDisk()))[1]?.ok, false);
  });

  it('refuses a file that is no container image, and a format that registries do not take', async () => {
    await start();
    const provider = await setup.connect();
    await assert.rejects(push(provider, await setup.createDisk({ format: 'oci' })), { type: 'ImageFailed' });
    await assert.rejects(push(provider, await setup.createDisk({ format: 'vagrant-libvirt' })), {
      type: 'InvalidParameter',
    });
  });

  it('pushes a blob again that the registry has removed before the manifest named it', async () => {
    await start();
    const provider = await setup.connect();
    const image = await setup.createDisk();
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    setup.repository.blobs.delete(`sha256:${image.file.sha256}`);
    const registered = await provider.register(operation, image, uploaded);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
    assert.equal(setup.repository.blobs.get(`sha256:${image.file.sha256}`)?.length, 3500);
  });

  function digestOfFirstDocument(): string {
    return `sha256:${createHash('sha256').update('{}').digest('hex')}`;
  }
});
