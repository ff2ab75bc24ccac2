import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { writeOciArchive } from '../../../src/formats/archive/oci.js';
import { writeTar } from '../../../src/formats/archive/tar.js';
import { textFile } from '../../../src/formats/bytes/content.js';
import { connectRegistry } from '../../../src/providers/oci-registry/registry.js';
import { PART_SIZE } from '../../../src/providers/oci-registry/push-blob.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import { DockerRegistry, missingRegistry, REGISTRY_USER } from '../../support/counterparts/docker-registry.js';
import { missingProgram } from '../../support/programs.js';
import { createOperation } from '../../support/providers/operation.js';
import { createPushedImage } from '../../support/providers/pushed-image.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;

describe('Debian’s registry, with TLS and a password', { skip: missingRegistry }, () => {
  let folder: string;
  let server: DockerRegistry;
  let provider: Provider;

  const connect = (host = server.host, partSize = PART_SIZE): Promise<Provider> =>
    connectRegistry(
      {
        name: 'registry',
        configuration: {
          kind: 'registry',
          endpoint: `https://${host}`,
          repository: 'team/images',
          tags: ['latest'],
          user: REGISTRY_USER.user,
          password_file: join(folder, 'password'),
          ca: server.ca,
        },
        credentials: undefined,
        env: {},
      },
      partSize,
    );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagefactory-registry-test-'));
    await writeFile(join(folder, 'password'), `${REGISTRY_USER.password}\n`);
    server = await DockerRegistry.start();
    provider = await connect();
  });

  after(async () => {
    await provider.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const push = async (image: PushedImage, operation = createOperation()) => {
    const uploaded = await provider.upload(operation, image);
    return { uploaded, registered: await provider.register(operation, image, uploaded) };
  };
  const skopeo = (command: string[], reference: string, ...rest: string[]) => {
    const creds = `${REGISTRY_USER.user}:${REGISTRY_USER.password}`;
    const option = command[0] === 'copy' ? 'src-' : '';
    const access = [`--${option}creds`, creds, `--${option}cert-dir`, server.certificates];
    return run('skopeo', [...command, ...access, `docker://${reference}`, ...rest]);
  };

  it('takes a disk as an artifact, whose bytes skopeo reads back', { skip: missingProgram('skopeo') }, async () => {
    const content = randomBytes(3 * MIB + 17);
    const image = await createPushedImage(folder, content, { format: 'raw' });
    const { uploaded, registered } = await push(image);
    assert.ok(uploaded.sent >= content.length);
    const { stdout } = await skopeo(['inspect', '--raw'], `${server.host}/team/images/debian-12-test:${image.uuid}`);
    const manifest = JSON.parse(stdout) as { layers: { digest: string }[]; annotations: Record<string, string> };
    assert.equal(manifest.layers[0]?.digest, `sha256:${image.file.sha256}`);
    assert.equal(manifest.annotations['imagefactory_image'], image.uuid);
    const target = join(folder, 'read-back');
    await skopeo(['copy'], registered.id, `dir:${target}`);
    const found = await readFile(join(target, image.file.sha256));
    assert.equal(createHash('sha256').update(found).digest('hex'), image.file.sha256);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
    assert.equal(registered.resources.filter(({ kind }) => kind === 'document').length, 2);
  });

  it(
    'takes a container image, which skopeo pulls and umoci unpacks',
    { skip: missingProgram('skopeo') || missingProgram('umoci') },
    async () => {
      const image = await createContainerImage(folder, 'hello');
      const { registered } = await push(image);
      const layout = join(folder, 'layout');
      await skopeo(['copy'], registered.id, `oci:${layout}:pulled`);
      const bundle = join(folder, 'bundle');
      await run('umoci', ['unpack', '--rootless', '--image', `${layout}:pulled`, bundle]);
      assert.equal(await readFile(join(bundle, 'rootfs', 'greeting'), 'utf8'), 'hello');
      const { stdout } = await skopeo(['inspect'], `${server.host}/team/images/debian-12-test:latest`);
      assert.equal((JSON.parse(stdout) as { Architecture: string }).Architecture, 'amd64');
    },
  );

  it('goes on between two parts with another worker, and sends nothing twice', async () => {
    const small = await connect(server.host, MIB);
    const image = await createPushedImage(folder, randomBytes(5 * MIB));
    const notes = new Map<string, string>();
    const stop = new AbortController();
    let writes = 0;
    const first = createOperation({ signal: stop.signal, notes });
    const write = first.notes.write.bind(first.notes);
    // The third note says that two parts are there.
    first.notes.write = async (name, text) => {
      await write(name, text);
      if (++writes === 3) stop.abort(new Error('the worker has died'));
    };
    await assert.rejects(small.upload(first, image), /the worker has died/);
    const other = await connect(server.host, MIB);
    const second = createOperation({ notes });
    const uploaded = await other.upload(second, image);
    // The documents are those of the other tests: the registry has them.
    assert.equal(uploaded.sent, 3 * MIB);
    await other.register(second, image, uploaded);
    assert.deepEqual(await listUploads(server), []);
    await small.close();
    await other.close();
  });

  it('begins again where it was cut inside of a part, because this registry then forgets the upload', async () => {
    const small = await connect(server.host, 2 * MIB);
    const image = await createPushedImage(folder, randomBytes(6 * MIB));
    const notes = new Map<string, string>();
    const stop = new AbortController();
    let reports = 0;
    const first = createOperation({
      signal: stop.signal,
      notes,
      onReport: () => ++reports === 3 && stop.abort(new Error('the worker has died')),
    });
    await assert.rejects(small.upload(first, image), /the worker has died/);
    const second = createOperation({ notes });
    const uploaded = await small.upload(second, image);
    const registered = await small.register(second, image, uploaded);
    assert.deepEqual(await small.find(createOperation(), image), registered);
    await small.close();
  });

  it('deletes an image with its documents and their list, and nothing else', async () => {
    const kept = await push(await createPushedImage(folder, randomBytes(1000)));
    const image = await createPushedImage(folder, randomBytes(1000));
    const { registered } = await push(image);
    const removed = await provider.delete(createOperation(), registered);
    assert.equal(removed.length, 3);
    assert.equal(await provider.find(createOperation(), image), undefined);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
    assert.match(kept.registered.id, /@sha256:/);
    const tags = await readdir(
      join(server.data, 'docker/registry/v2/repositories/team/images/debian-12-test/_manifests/tags'),
    );
    assert.ok(!tags.includes(image.uuid));
    assert.ok(!tags.includes(registered.id.split('@')[1]?.replace(':', '-') ?? ''));
    assert.ok(tags.includes(kept.registered.resources[0]?.id ?? ''));
  });

  it('checks the permissions, and leaves nothing', async () => {
    const uploads = await listUploads(server);
    const findings = await provider.check(createOperation());
    assert.deepEqual(
      findings.map(({ ok, message }) => ({ ok, message })),
      [1, 2, 3].map(() => ({ ok: true, message: undefined })),
    );
    assert.deepEqual(await listUploads(server), uploads);
  });

  it('says what is missing: the password, the certificate, the permission to delete', async () => {
    await writeFile(join(folder, 'password'), 'wrong\n');
    const wrong = await connect();
    const [finding] = await wrong.check(createOperation());
    assert.match(finding?.message ?? '', /does not accept user tester/);
    await wrong.close();
    await writeFile(join(folder, 'password'), REGISTRY_USER.password);

    const other = await DockerRegistry.start({ deletion: false });
    const untrusted = await connect(other.host);
    const [refused] = await untrusted.check(createOperation());
    assert.equal(refused?.ok, false);
    assert.match(refused?.hint ?? '', /certificate authority/);
    await untrusted.close();
    await other.close();
  });
});

async function createContainerImage(folder: string, greeting: string): Promise<PushedImage> {
  const path = join(folder, `${randomBytes(8).toString('hex')}.tar`);
  await writeOciArchive(path, {
    name: 'debian-12',
    arch: 'x86_64',
    layer: writeTar([textFile('greeting', greeting)], 'oldgnu'),
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
  });
  return createPushedImage(folder, await readFile(path), { format: 'oci', fileName: 'debian-12.tar' });
}

/** Lists the unfinished uploads in the registry's store. */
async function listUploads(server: DockerRegistry): Promise<string[]> {
  const files = await readdir(server.data, { recursive: true });
  return files.filter((file) => /_uploads\/[^/]+\/data$/.test(file));
}
