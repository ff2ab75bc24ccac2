import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { files } from '../../../src/providers/files/files.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import { type Moto, startMoto } from '../../support/counterparts/moto.js';
import { createOperation } from '../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../support/providers/pushed-image.js';

/*
 * The provider `files` with the S3 of moto. Moto does not check: the signature, the checksum of a part (it computes its
 * own), conditions of CompleteMultipartUpload, permissions. Our own fake checks all of them.
 */

const MIB = 1024 * 1024;
/** Three parts of 16 MiB, the last of which is short; the second has zeros only. */
const DISK = createDisk({ blocks: 3, blockSize: 16 * MIB, data: [0, 2] }).subarray(0, 33 * MIB);
const KEYS = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };

const moto = await startMoto();

describe('the provider files with the S3 of moto', { skip: typeof moto === 'string' ? moto : false }, () => {
  const { url, close } = moto as Moto;
  const region = 'eu-central-1';
  const client = new S3Client({ endpoint: url, region, credentials: KEYS, forcePathStyle: true });
  let folder: string;
  let image: PushedImage;

  const connect = (): Promise<Provider> =>
    files.connect({
      name: 'moto',
      configuration: { kind: 'files', url: 's3://images/team', endpoint: url, region },
      credentials: { access_key: KEYS.accessKeyId, secret_access_key: KEYS.secretAccessKey },
      env: {},
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'files-contract-'));
    const location = { LocationConstraint: region } as const;
    await client.send(new CreateBucketCommand({ Bucket: 'images', CreateBucketConfiguration: location }));
    image = await createPushedImage(folder, DISK);
  });

  after(async () => {
    client.destroy();
    await close();
    await rm(folder, { recursive: true, force: true });
  });

  const listKeys = async (): Promise<string[]> => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'images' }));
    return Contents.map(({ Key = '' }) => Key);
  };

  it('finds nothing wrong, and leaves nothing behind', async () => {
    const findings = await (await connect()).check(createOperation(), image);
    assert.deepEqual(
      findings.filter(({ ok }) => !ok),
      [],
    );
    assert.deepEqual(await listKeys(), []);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'images' }));
    assert.equal(Uploads, undefined);
  });

  it('goes on where a dead push stopped, and makes one object with the bytes of the file', async () => {
    const stop = new AbortController();
    const onReport = (): void => stop.abort(new Error('killed'));
    await assert.rejects((await connect()).upload(createOperation({ signal: stop.signal, onReport }), image), /killed/);
    const staging = await (await connect()).listStaging(createOperation());
    assert.deepEqual([...new Set(staging.map(({ uuid }) => uuid))], [image.uuid]);

    const provider = await connect();
    const uploaded = await provider.upload(createOperation(), image);
    const registered = await provider.register(createOperation(), image, uploaded);
    const Key = `team/${image.uuid}/debian-12.raw`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'images', Key }));
    const body = await Body?.transformToByteArray();
    assert.equal(
      createHash('sha512')
        .update(body ?? '')
        .digest('hex'),
      image.file.sha512,
    );
    const { Metadata } = await client.send(new HeadObjectCommand({ Bucket: 'images', Key }));
    assert.equal(Metadata?.['imagefactory-image'], image.uuid);
    assert.deepEqual(await provider.find(createOperation(), image), registered);
    assert.deepEqual(await provider.listStaging(createOperation()), []);
  });

  it('lists the images of pushes at the same time', async () => {
    const images = await Promise.all([0, 1, 2].map(() => createPushedImage(folder, Buffer.from('disk'))));
    await Promise.all(
      images.map(async (one) => {
        const provider = await connect();
        await provider.register(createOperation(), one, await provider.upload(createOperation(), one));
      }),
    );
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'images', Key: 'team/index.json' }));
    const index = JSON.parse((await Body?.transformToString()) ?? '') as { images: { uuid: string }[] };
    assert.deepEqual(index.images.map(({ uuid }) => uuid).sort(), [image, ...images].map(({ uuid }) => uuid).sort());
  });

  it('deletes the image with all that belongs to it', async () => {
    const provider = await connect();
    const registered = await provider.find(createOperation(), image);
    assert.ok(registered);
    assert.equal((await provider.delete(createOperation(), registered)).length, 3);
    assert.deepEqual(await provider.delete(createOperation(), registered), []);
    assert.deepEqual(
      (await listKeys()).filter((key) => key.includes(image.uuid)),
      [],
    );
  });
});

const hasVagrant = spawnSync('vagrant', ['--version'], { env: { ...process.env, VAGRANT_CHECKPOINT_DISABLE: '1' } });

describe(
  'the catalogue that the provider files writes',
  { skip: hasVagrant.status === 0 ? false : 'vagrant is not installed' },
  () => {
    it('is read by vagrant: the newest version, with its checksum, and none that was deleted', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'files-vagrant-'));
      try {
        const place = join(folder, 'place');
        await mkdir(place);
        await writeFile(join(folder, 'metadata.json'), '{"provider":"libvirt","format":"qcow2","virtual_size":1}');
        await promisify(execFile)('tar', ['czf', 'test.box', 'metadata.json'], { cwd: folder });
        const box = await readFile(join(folder, 'test.box'));
        const url = pathToFileURL(place).href;
        const provider = await files.connect({
          name: 'folder',
          configuration: { kind: 'files', url },
          credentials: undefined,
          env: {},
        });
        const format = 'vagrant-libvirt';
        for (let pushes = 0; pushes < 2; pushes++) {
          const image = await createPushedImage(folder, box, { format, name: `box-${format}`, fileName: 'test.box' });
          await provider.register(createOperation(), image, await provider.upload(createOperation(), image));
        }
        const third = await createPushedImage(folder, box, { format, name: `box-${format}`, fileName: 'test.box' });
        const uploaded = await provider.upload(createOperation(), third);
        await provider.delete(createOperation(), await provider.register(createOperation(), third, uploaded));
        const env = { ...process.env, VAGRANT_HOME: join(folder, 'home'), VAGRANT_CHECKPOINT_DISABLE: '1' };
        const words = ['box', 'add', '--provider', 'libvirt', `${url}/vagrant/box/metadata.json`];
        const { stdout } = await promisify(execFile)('vagrant', words, { env });
        assert.match(stdout, /Calculating and comparing box checksum/);
        const { stdout: list } = await promisify(execFile)('vagrant', ['box', 'list'], { env });
        assert.match(list, /^box\s+\(libvirt, \d{8}\.0\.1\)/m);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
);
