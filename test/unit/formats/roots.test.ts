import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { FactoryError } from '../../../src/domain/errors.js';
import { ROOT_FORMAT_NAMES, type RootFormatName } from '../../../src/domain/target-formats.js';
import { writeTarHeader } from '../../../src/formats/archive/tar.js';
import { type ConvertedFile, packRoot, type RootClaims } from '../../../src/formats/index.js';
import { missingProgram } from '../../support/programs.js';
import { makeFolder, makeOptions, run } from './disks.js';
import { writeTarChecksum } from '../../support/tar-checksum.js';

const folder = makeFolder();

/** Makes a small root file system, and packs it with tar. */
function makeRoot(): Buffer {
  const root = mkdtempSync(join(folder, 'root-'));
  for (const name of ['etc', 'usr', 'usr/bin', 'proc']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'usr', 'bin', `long-${'n'.repeat(150)}`), 'x'.repeat(3_000_000));
  symlinkSync('usr/bin', join(root, 'bin'));
  return execFileSync('tar', ['c', '--format=posix', '--sort=name', '--mtime=@0', '-C', root, '.'], {
    maxBuffer: 2 ** 26,
  });
}

/** Makes one entry of a tar. */
function makeEntry(name: string, type = '0', link = ''): Buffer {
  const header = writeTarHeader({ name, size: 0 }, 'ustar');
  header.write(type, 156, 'latin1');
  header.write(link, 157, 'utf8');
  writeTarChecksum(header);
  return header;
}

const END = Buffer.alloc(1024);

function claim(tar: Buffer, given: Partial<RootClaims> = {}): RootClaims {
  const sha256 = createHash('sha256').update(tar).digest('hex');
  return { sha256, entries: 8, program: 'tar (GNU tar) 1.34', changed: [], ...given };
}

interface Packed {
  file: ConvertedFile;
  workFolder: string;
}

async function pack(
  tar: Buffer,
  format: RootFormatName,
  { claims = claim(tar), largest = 2 ** 30 }: { claims?: RootClaims; largest?: number } = {},
): Promise<Packed> {
  const { workFolder, imageName } = makeOptions(folder);
  const source = {
    async *tar() {
      for (let at = 0; at < tar.length; at += 100_000) yield tar.subarray(at, at + 100_000);
    },
  };
  const options = { workFolder, imageName, name: 'Debian 12', arch: 'aarch64', largest };
  const file = await packRoot({ tar: source.tar(), readClaims: () => Promise.resolve(claims) }, format, options);
  return { file, workFolder };
}

/** Returns the tar in a packed file, as it is unpacked by other programs. */
function unpack({ file }: Packed): Buffer {
  if (file.path.endsWith('.wsl')) return gunzipSync(readFileSync(file.path));
  const unpacked = mkdtempSync(join(folder, 'unpacked-'));
  run('tar', 'xf', file.path, '-C', unpacked);
  const [image] = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as { Layers: string[] }[];
  return gunzipSync(readFileSync(join(unpacked, image?.Layers[0] ?? '')));
}

describe('a packed root file system', () => {
  for (const format of ROOT_FORMAT_NAMES) {
    it(`of format ${format} holds the tar that the guest has sent`, async () => {
      const tar = makeRoot();
      const packed = await pack(tar, format);
      const { file, workFolder } = packed;
      assert.ok(unpack(packed).equals(tar));
      assert.deepEqual(readdirSync(workFolder), [basename(file.path)]);
      assert.equal(basename(file.path), format === 'wsl' ? 'my-image.wsl' : 'my-image.tar');
      assert.equal(file.virtualSize, tar.length);
      assert.equal(file.sha256, createHash('sha256').update(readFileSync(file.path)).digest('hex'));
      assert.match(file.verifiedBy, /^digest of the tar and its 8 entries compared with what the guest has sent/);
      assert.match(String(file.name), format === 'oci' ? /\.tar$/ : /\.wsl$/);
      assert.match(file.converter, /^tar \(GNU tar\) 1.34 in the guest, zlib \d/);
      assert.equal((await pack(tar, format)).file.sha512, file.sha512);
    });

    it(`of format ${format} is not used when the guest has sent something else`, async () => {
      const tar = makeRoot();
      const claims = claim(tar, { sha256: '0'.repeat(64) });
      await assert.rejects(pack(tar, format, { claims }), { type: 'ImageFailed', message: /digest of the tar is not/ });
      const fewer = { claims: claim(tar, { entries: 9 }) };
      await assert.rejects(pack(tar, format, fewer), { message: /has 8 entries, and the guest has sent 9/ });
      const cut = tar.subarray(0, 1_000_000);
      await assert.rejects(pack(cut, format), { message: /the tar is wrong: it ends inside of/ });
    });
  }

  it('names the files that changed while they were read', async () => {
    const tar = makeRoot();
    const { file } = await pack(tar, 'wsl', { claims: claim(tar, { changed: ['./var/lib/db'] }) });
    assert.match(file.verifiedBy, /, changed while they were read: \.\/var\/lib\/db$/);
  });

  it('is refused when it has more bytes than the guest’s disk can hold', async () => {
    await assert.rejects(pack(makeRoot(), 'wsl', { largest: 2_000_000 }), {
      type: 'ImageFailed',
      message: /^the root file system has more than 0 GiB/,
    });
  });

  it('fails with the guest’s own error when the guest fails', async () => {
    const { workFolder, imageName } = makeOptions(folder);
    const tar = (async function* () {
      yield makeRoot().subarray(0, 5000);
    })();
    const readClaims = (): Promise<RootClaims> => Promise.reject(new FactoryError('CommandFailed', 'no tar'));
    const options = { workFolder, imageName, name: 'x', arch: 'x86_64', largest: 2 ** 30 };
    await assert.rejects(packRoot({ tar, readClaims }, 'oci', options), { type: 'CommandFailed', message: 'no tar' });
    assert.ok(!existsSync(join(workFolder, 'my-image.tar')));
  });

  const dangerous: Readonly<Record<string, [entries: Buffer[], message: RegExp]>> = {
    'an absolute name': [[makeEntry('/etc/passwd')], /"\/etc\/passwd", which is not below its root/],
    'a name that leaves the root': [[makeEntry('./../x')], /"\.\/\.\.\/x", which is not below its root/],
    'a name that leaves it later': [[makeEntry('./a/../../x')], /not below its root/],
    'a name without its root': [[makeEntry('etc/passwd')], /not below its root/],
    'an empty name': [[makeEntry('')], /not below its root/],
    'a hard link out of the root': [[makeEntry('./a', '1', '/etc/shadow')], /the hard link "\.\/a" leaves the root/],
    'a block device': [[makeEntry('./sda', '4')], /a block device, "\.\/sda"/],
    'a character device': [[makeEntry('./a/null', '3')], /a character device, "\.\/a\/null"/],
    'a whiteout of containers': [[makeEntry('./etc/.wh.passwd')], /would remove a file of a container image/],
    'a file behind a symbolic link': [
      [makeEntry('./a', '2', '/'), makeEntry('./a/etc/passwd')],
      /"\.\/a\/etc\/passwd" is behind the symbolic link "\.\/a"/,
    ],
    'no users': [[makeEntry('./etc/', '5')], /has no \.\/etc\/passwd/],
  };
  for (const [what, [entries, message]] of Object.entries(dangerous)) {
    it(`is refused when it has ${what}`, async () => {
      const tar = Buffer.concat([...entries, END]);
      const claims = claim(tar, { entries: entries.length });
      await assert.rejects(pack(tar, 'oci', { claims }), { type: 'ImageFailed', message });
    });
  }

  it('is a container image that runs a shell', { skip: missingProgram('skopeo') }, async () => {
    const { file } = await pack(makeRoot(), 'oci');
    const config = JSON.parse(run('skopeo', 'inspect', '--config', `oci-archive:${file.path}`)) as {
      architecture: string;
      config: { Cmd: string[]; Env: string[] };
    };
    assert.equal(config.architecture, 'arm64');
    assert.deepEqual(config.config.Cmd, ['/bin/sh']);
    assert.match(config.config.Env[0] ?? '', /^PATH=.*:\/usr\/bin:/);
    const docker = JSON.parse(run('skopeo', 'inspect', `docker-archive:${file.path}`)) as { Layers: string[] };
    assert.equal(docker.Layers.length, 1);
  });
});
