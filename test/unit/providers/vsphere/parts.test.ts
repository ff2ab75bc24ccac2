import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FactoryError } from '../../../../src/domain/errors.js';
import { configurationSchema } from '../../../../src/providers/vsphere/configuration.js';
import { changeState, readMarks, readState, writeDescription } from '../../../../src/providers/vsphere/description.js';
import { takeImportSpec } from '../../../../src/providers/vsphere/import-spec.js';
import { nameOfImage } from '../../../../src/providers/vsphere/item-name.js';
import { keepAlive } from '../../../../src/providers/vsphere/keep-alive.js';
import { makeLoginReader } from '../../../../src/providers/vsphere/login.js';
import { readOva } from '../../../../src/providers/vsphere/ova-parts.js';
import { createBytes, createOva } from '../../../support/providers/ova.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

const IMAGE = { uuid: 'a-uuid', file: { sha512: 'ab'.repeat(64) } };
const SERVER = { kind: 'vsphere', server: 'https://vc.example.org', user: 'images', password_file: '/p' } as const;
const PLACE = { datacenter: 'DC', resource_pool: 'c/Resources', datastore: 'd', network: 'n' };

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'vsphere-parts-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the configuration', () => {
  it('names a content library, or the place for a template', () => {
    assert.ok(configurationSchema.safeParse({ ...SERVER, library: 'images' }).success);
    assert.ok(configurationSchema.safeParse({ ...SERVER, ...PLACE, folder: 'f' }).success);
  });

  it('takes a server without TLS only on this machine', () => {
    for (const server of ['http://127.0.0.1:8989', 'http://localhost', 'http://[::1]:1', 'HTTPS://vc']) {
      assert.ok(configurationSchema.safeParse({ ...SERVER, server, library: 'images' }).success, server);
    }
    const server = 'http://localhost.example.org';
    assert.ok(!configurationSchema.safeParse({ ...SERVER, server, library: 'images' }).success);
  });

  for (const [what, change, message] of [
    ['nothing', {}, /name the content library/],
    ['a part of a place', { datacenter: 'DC' }, /missing: resource_pool, datastore, network/],
    ['both', { library: 'images', ...PLACE }, /library and datacenter, .* exclude each other/],
    ['a server that is no URL', { library: 'images', server: 'vc' }, /server must be a URL/],
    ['a server without TLS', { library: 'images', server: 'http://vc.example.org' }, /must begin with https/],
    ['an unknown key', { library: 'images', thumbprint: 'AA' }, /thumbprint/],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const result = configurationSchema.safeParse({ ...SERVER, ...change });
      assert.match(result.error?.message ?? '', message);
    });
  }
});

describe('the login', () => {
  const read = (configuration: object, credentials?: Record<string, unknown>) =>
    makeLoginReader({
      name: 'vc',
      configuration: { ...SERVER, library: 'images', ...configuration },
      credentials,
      env: {},
    })();

  it('comes from the file, or from the command', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'password');
      await writeFile(path, 'pass word\r\nmore\n');
      assert.deepEqual(await read({ password_file: path }), { user: 'images', password: 'pass word' });
    });
    assert.deepEqual(await read({}, { username: 'me', password: 'x' }), { user: 'me', password: 'x' });
  });

  it('is refused when the file is empty or not there, or when a field is missing', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'password');
      await assert.rejects(read({ password_file: path }), /cannot be read/);
      await writeFile(path, '\n');
      await assert.rejects(read({ password_file: path }), /is empty/);
    });
    assert.throws(() => void read({}, { username: 'me' }), /username and password/);
  });
});

describe('the description', () => {
  it('carries the marks and the state, and keeps what people write into it', () => {
    const text = `golden image\n${writeDescription(IMAGE, 'worker:1', 'uploading')}\nkeep it`;
    assert.equal(readMarks(text)['imagefactory_image'], 'a-uuid');
    assert.equal(readMarks(text)['imagefactory_source'], 'ab'.repeat(16));
    assert.equal(readState(text), 'uploading');
    const changed = changeState(text, 'registered');
    assert.equal(readState(changed), 'registered');
    assert.equal(changed.replace('registered', 'uploading'), text);
    assert.deepEqual(readMarks(undefined), {});
  });
});

describe('the name at vSphere', () => {
  it('fits, has no signs that break paths, and differs for other bytes', () => {
    const image = { name: `50 % / ${'long'.repeat(40)}`, uuid: 'u', file: { sha512: 'a' } };
    const name = (sha512: string): string => nameOfImage({ ...image, file: { sha512 } } as never);
    assert.match(name('a'), /^50-long[a-z-]+-[0-9a-f]{8}$/);
    assert.equal(name('a').length, 80);
    assert.notEqual(name('a'), name('b'));
  });
});

describe('the files of an OVA', () => {
  it('are found with their offsets and digests', async () => {
    await inFolder(async (folder) => {
      const disk = createBytes('d', 5000);
      const content = await createOva(disk);
      const image = await createPushedImage(folder, content, { format: 'ova' });
      const { parts, disks, networks } = await readOva(image.file.path);
      assert.deepEqual(
        parts.map(({ name }) => name),
        ['debian-12.ovf', 'debian-12.mf', 'debian-12-disk1.vmdk'],
      );
      assert.deepEqual(networks, ['VM Network']);
      const [found] = disks;
      assert.ok(found && content.subarray(found.offset, found.offset + found.size).equals(disk));
    });
  });

  it('are refused when the archive is cut, or its manifest is wrong', async () => {
    await inFolder(async (folder) => {
      const content = await createOva(createBytes('d', 5000));
      const expect = async (changed: Buffer, message: RegExp): Promise<void> => {
        const { file } = await createPushedImage(folder, changed, { format: 'ova' });
        await assert.rejects(readOva(file.path), (error: FactoryError) => {
          assert.equal(error.type, 'ImageFailed');
          assert.match(error.message, message);
          return true;
        });
      };
      const replace = (from: string, to: string): Buffer =>
        Buffer.from(content.toString('latin1').replace(from, to), 'latin1');
      await expect(content.subarray(0, content.length - 4000), /ends inside of debian-12-disk1\.vmdk/);
      await expect(Buffer.alloc(0), /its first file is no descriptor/);
      await expect(replace('SHA256(debian-12-disk1', 'SHA999(debian-12-disk1'), /no SHA-256 of debian-12-disk1/);
      await expect(replace('<Info>Virtual disks', '<Info>virtual disks'), /digest of its descriptor is wrong/);
      await expect(replace('debian-12.mf', 'a/../12.mf'), /has the name "a\/\.\.\/12\.mf"/);
    });
  });
});

describe('the specification of a machine', () => {
  const wrap = (spec: string): string =>
    `<s:Envelope xmlns:s="S" xmlns:i="I"><s:Body><CreateImportSpecResponse xmlns="urn:vim25"><returnval>${spec}<fileItem/></returnval></CreateImportSpecResponse></s:Body></s:Envelope>`;

  it('goes back as it came, with our notes where the schema has them', () => {
    const answer = wrap(
      '<importSpec i:type="VirtualMachineImportSpec"><configSpec><name>a &amp; b</name><annotation>old</annotation><guestId> x </guestId><files/><flags i:type="F">1</flags></configSpec></importSpec>',
    );
    const expected =
      '<spec xmlns:s="S" xmlns:i="I" i:type="VirtualMachineImportSpec"><configSpec><name>a &amp; b</name><guestId> x </guestId><annotation>1 &lt; 2\n3</annotation><files></files><flags i:type="F">1</flags></configSpec></spec>';
    assert.equal(takeImportSpec(answer, '1 < 2\n3'), expected);
  });

  it('is missed when it is not there', () => {
    assert.throws(() => takeImportSpec(wrap(''), 'x'), /no importSpec/);
  });
});

describe('keeping a session alive', () => {
  it('calls again and again until the work ends, also after a call has failed', async () => {
    let pings = 0;
    const { promise, resolve } = Promise.withResolvers<string>();
    const ping = async (): Promise<void> => {
      if (++pings === 3) resolve('done');
      if (pings === 1) throw new Error('lost');
    };
    assert.equal(await keepAlive(1, ping, () => promise), 'done');
    const ended = pings;
    await new Promise((next) => setImmediate(next));
    assert.equal(pings, ended);
  });
});
