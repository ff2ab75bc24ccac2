import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { convertDisk, type ConvertedFile, measureConversion } from '../../../src/formats/index.js';
import { missingProgram } from '../../support/programs.js';
import { makeDisk, makeFolder, makeOptions, noQemu, run } from './disks.js';

const folder = makeFolder();

/** What the index, the manifests and the configuration of an image say, as far as the tests read it. */
interface Described {
  digest: string;
  size: number;
  mediaType: string;
}

function unpack(file: ConvertedFile): string {
  const unpacked = mkdtempSync(join(folder, 'unpacked-'));
  run('tar', 'xf', file.path, '-C', unpacked);
  return unpacked;
}

function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as T;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Reads a blob, and checks its size and digest. */
function readBlob(unpacked: string, { digest, size }: Described): Buffer {
  const bytes = readFileSync(join(unpacked, 'blobs', ...digest.split(':')));
  assert.equal(bytes.length, size);
  assert.equal(digestOf(bytes), digest);
  return bytes;
}

describe('a containerDisk', { skip: noQemu }, () => {
  let made: Promise<ConvertedFile> | undefined;
  const make = (): Promise<ConvertedFile> =>
    (made ??= convertDisk(makeDisk(folder), 'containerdisk', makeOptions(folder)));

  it('is an OCI image whose digests are right, with a layer that has nothing but the disk', async () => {
    const source = makeDisk(folder);
    const file = await make();
    const unpacked = unpack(file);
    assert.deepEqual(readJson(unpacked, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
    const { manifests } = readJson<{ manifests: Described[] }>(unpacked, 'index.json');
    assert.equal(manifests.length, 1);
    const manifest = JSON.parse(readBlob(unpacked, manifests[0] as Described).toString()) as {
      config: Described;
      layers: Described[];
    };
    const config = JSON.parse(readBlob(unpacked, manifest.config).toString()) as {
      architecture: string;
      os: string;
      rootfs: { diff_ids: string[] };
    };
    assert.equal(config.architecture, 'amd64');
    assert.equal(config.os, 'linux');
    const [layer] = manifest.layers;
    assert.ok(layer !== undefined);
    assert.equal(layer.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
    const tar = gunzipSync(readBlob(unpacked, layer));
    assert.deepEqual(config.rootfs.diff_ids, [digestOf(tar)]);
    const path = join(unpacked, 'blobs', ...layer.digest.split(':'));
    const listing = run('tar', 'tvzf', path, '--numeric-owner', '--utc').trim().split('\n');
    assert.deepEqual(
      listing.map((line) => line.replace(/ +\d+ 1970-01-01 00:00 /, ' ')),
      ['dr-xr-xr-x 107/107 disk/', '-r--r--r-- 107/107 disk/disk.qcow2'],
    );
    run('tar', 'xzf', path, '-C', unpacked, '--no-same-owner');
    run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'qcow2', source.path, join(unpacked, 'disk', 'disk.qcow2'));
    run('chmod', '-R', 'u+w', unpacked);
    assert.ok(statSync(file.path).size <= (await measureConversion(source, 'containerdisk')));
    assert.match(file.verifiedBy, /^qemu-img compare.*own reader of all digests/);
  });

  it('names the same files for docker load, and the image in lower case', async () => {
    const unpacked = unpack(await make());
    const [image] = readJson<{ Config: string; RepoTags: string[]; Layers: string[] }[]>(unpacked, 'manifest.json');
    assert.deepEqual(image?.RepoTags, ['my-image:latest']);
    assert.equal(image.Layers.length, 1);
    for (const name of [image.Config, ...image.Layers]) assert.ok(existsSync(join(unpacked, name)));
  });

  for (const [arch, expected] of Object.entries({ aarch64: 'arm64', ppc64le: 'ppc64le', s390x: 's390x' })) {
    it(`has the architecture ${expected} where the image is for ${arch}`, async () => {
      const system = { os: 'Debian', version: '12', arch, firmware: 'bios', secureBoot: false } as const;
      const unpacked = unpack(await convertDisk(makeDisk(folder), 'containerdisk', makeOptions(folder, { system })));
      const { manifests } = readJson<{ manifests: { platform: unknown }[] }>(unpacked, 'index.json');
      assert.deepEqual(manifests[0]?.platform, { architecture: expected, os: 'linux' });
    });
  }

  for (const [what, findByte] of [
    ['layer', () => 5000],
    ['index', (bytes: Buffer) => bytes.indexOf('sha256:', bytes.indexOf('"manifests"')) + 20],
  ] as const) {
    it(`is not used when a byte of its ${what} is wrong`, async () => {
      const options = makeOptions(folder, {
        onProgress: ({ message }) => {
          const path = join(options.workFolder, 'work', 'my-image.tar');
          if (!message.startsWith('comparing') || !existsSync(path)) return;
          const file = openSync(path, 'r+');
          writeSync(file, 'x', findByte(readFileSync(path)));
          closeSync(file);
        },
      });
      await assert.rejects(convertDisk(makeDisk(folder), 'containerdisk', options), {
        type: 'ImageFailed',
        message: /^the converted disk differs from its source, so it is not used: /,
      });
    });
  }

  it(
    'is read by skopeo, as an OCI archive and as an archive of Docker',
    { skip: missingProgram('skopeo') },
    async () => {
      const { path } = await make();
      for (const transport of ['oci-archive', 'docker-archive']) {
        const image = JSON.parse(run('skopeo', 'inspect', `${transport}:${path}`)) as Record<string, unknown>;
        assert.equal(image['Architecture'], 'amd64');
        assert.equal((image['Layers'] as string[]).length, 1);
      }
      // A copy reads all blobs, and compares their digests.
      const copy = join(folder, 'copy');
      run('skopeo', 'copy', '--insecure-policy', '-q', `oci-archive:${path}`, `dir:${copy}`);
      run('skopeo', 'copy', '--insecure-policy', '-q', `docker-archive:${path}`, `dir:${copy}-docker`);
      assert.ok(existsSync(join(copy, 'manifest.json')) && existsSync(join(`${copy}-docker`, 'manifest.json')));
    },
  );

  it('is unpacked by umoci', { skip: missingProgram('umoci') }, async () => {
    const unpacked = unpack(await make());
    const bundle = join(folder, 'bundle');
    run('umoci', 'unpack', '--rootless', '--image', `${unpacked}:latest`, bundle);
    const disk = join(bundle, 'rootfs', 'disk', 'disk.qcow2');
    run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'qcow2', makeDisk(folder).path, disk);
    run('chmod', '-R', 'u+w', bundle);
  });
});
