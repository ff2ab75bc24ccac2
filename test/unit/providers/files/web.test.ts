import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { files } from '../../../../src/providers/files/files.js';
import type { FilesConfiguration } from '../../../../src/providers/files/configuration.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { FakeWeb, type FakeWebOptions } from '../../../fakes/providers/files/fake-web.js';
import { makeCertificate } from '../../../support/certificate.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { push, settingsOf, withFolder } from './harness.js';

const DISK = Buffer.alloc(3_000_000, 'data of a disk ');

interface Setting {
  fake: FakeWeb;
  folder: string;
  image: PushedImage;
  connect(configuration?: Partial<FilesConfiguration>, credentials?: Record<string, string>): Promise<Provider>;
}

async function withFake(options: FakeWebOptions, work: (setting: Setting) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const fake = new FakeWeb(options);
    await fake.server.listen();
    const connect: Setting['connect'] = (configuration, credentials) =>
      files.connect(settingsOf({ url: `${fake.server.url}/files/`, ...configuration }, { credentials }));
    try {
      await work({ fake, folder, image: await createPushedImage(folder, DISK), connect });
    } finally {
      fake.server.close();
    }
  });
}

function assertPushed({ fake, image }: Setting): void {
  assert.ok(fake.files.get(`${image.uuid}/debian-12.raw`)?.equals(DISK));
}

describe('a push to a web server', () => {
  it('puts the file with its checksum file and its description, and lists it', async () => {
    await withFake({}, async (setting) => {
      const { fake, image, connect } = setting;
      const provider = await connect();
      const registered = await push(provider, createOperation(), image);
      assertPushed(setting);
      assert.equal(registered.id, `${fake.server.url}/files/${image.uuid}/debian-12.raw`);
      assert.match(registered.verifiedBy, /its size; `verify: read`/);
      assert.deepEqual(await provider.find(createOperation(), image), registered);
      assert.equal((await provider.delete(createOperation(), registered)).length, 3);
      assert.deepEqual(await provider.delete(createOperation(), registered), []);
      assert.deepEqual([...fake.files.keys()], ['index.json']);
    });
  });

  it('reads the file again where the configuration says so', async () => {
    await withFake({}, async (setting) => {
      const registered = await push(await setting.connect({ verify: 'read' }), createOperation(), setting.image);
      assert.match(registered.verifiedBy, /SHA-256 of the file, read again/);
    });
  });

  it('sends nothing a second time when the reply to the upload was lost', async () => {
    await withFake({}, async (setting) => {
      const { fake, image, connect } = setting;
      const isUpload = { method: 'PUT', path: /debian-12/ };
      fake.server.fail({ kind: 'reset-after', match: isUpload });
      const { sent } = await (await connect()).upload(createOperation(), image);
      assertPushed(setting);
      assert.equal(sent, DISK.length);
      assert.equal(fake.server.log.count(isUpload), 1);
    });
  });

  it('sends the file anew when the connection was cut in the middle, or when an attempt died there', async () => {
    await withFake({}, async (setting) => {
      const { fake, image, connect } = setting;
      fake.server.cutRequest({ method: 'PUT', path: /debian-12/ }, 1_000_000);
      await push(await connect(), createOperation(), image);
      assertPushed(setting);
      fake.files.clear();
      const stop = new AbortController();
      const onReport = (): void => stop.abort(new Error('killed'));
      await assert.rejects(push(await connect(), createOperation({ signal: stop.signal, onReport }), image), /killed/);
      await push(await connect(), createOperation(), image);
      assertPushed(setting);
    });
  });

  it('replaces what an interrupted upload has left under its name', async () => {
    await withFake({}, async (setting) => {
      const { fake, image, connect } = setting;
      fake.files.set(`${image.uuid}/debian-12.raw`, DISK.subarray(0, 1000));
      await push(await connect(), createOperation(), image);
      assertPushed(setting);
    });
  });

  it('makes the folders that WebDAV wants', async () => {
    await withFake({ folders: true }, async (setting) => {
      await push(await setting.connect(), createOperation(), setting.image);
      assertPushed(setting);
    });
  });

  it('says that the server has cut the file', async () => {
    await withFake({ cutsAt: 2_000_000 }, async ({ connect, image }) => {
      await assert.rejects(push(await connect(), createOperation(), image), {
        type: 'ChecksumMismatch',
        hint: /limits of the server/,
      });
    });
  });

  for (const [words, options] of [
    ['knows no conditions of writes', { conditions: false }],
    ['has weak tags only', { weak: true }],
  ] as const) {
    it(`writes no index on a server that ${words}, because it could lose entries of others`, async () => {
      await withFake(options, async (setting) => {
        const { fake, image, connect } = setting;
        const provider = await connect();
        const registered = await push(provider, createOperation(), image);
        assertPushed(setting);
        assert.equal(fake.files.has('index.json'), false);
        assert.match(registered.verifiedBy, /not listed in index\.json/);
        assert.deepEqual(await provider.find(createOperation(), image), registered);
        await provider.delete(createOperation(), registered);
        assert.equal(fake.files.size, 0);
      });
    });
  }

  it('keeps the entries of pushes at the same time', async () => {
    await withFake({}, async ({ fake, folder, connect }) => {
      const images = await Promise.all(Array.from({ length: 6 }, () => createPushedImage(folder, Buffer.from('disk'))));
      await Promise.all(images.map(async (image) => push(await connect(), createOperation(), image)));
      const index = JSON.parse(fake.files.get('index.json')?.toString() ?? '') as { images: object[] };
      assert.equal(index.images.length, 6);
    });
  });

  it('removes what a dead push has left', async () => {
    await withFake({}, async ({ fake, image, connect }) => {
      const provider = await connect();
      await provider.upload(createOperation(), image);
      assert.equal((await provider.removeStaging(createOperation(), image.uuid)).length, 2);
      assert.equal(fake.files.size, 0);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
    });
  });

  it('does not follow a document that names a file elsewhere', async () => {
    await withFake({}, async ({ fake, folder, image, connect }) => {
      const provider = await connect();
      const registered = await push(provider, createOperation(), image);
      const victim = await createPushedImage(folder, Buffer.from('victim'));
      await push(provider, createOperation(), victim);
      const name = `${image.uuid}/image.json`;
      const document = JSON.parse(fake.files.get(name)?.toString() ?? '') as object;
      const before = fake.files.size;
      for (const file of [`../${victim.uuid}/debian-12.raw`, '../../secret', '..', 'a/b', 'image.json', 'SHA256SUMS']) {
        fake.files.set(name, Buffer.from(JSON.stringify({ ...document, file })));
        assert.deepEqual(await provider.delete(createOperation(), registered), []);
        assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
        await assert.rejects(provider.upload(createOperation(), image), { type: 'Conflict' });
        assert.equal(fake.files.size, before);
      }
    });
  });

  it('gives up when the document is there for writes, and absent for reads', async () => {
    await withFake({}, async ({ fake, image, connect }) => {
      for (let count = 0; count < 10; count++) {
        fake.server.fail({ kind: 'status', status: 404, match: { method: 'GET', path: /image\.json/ } });
      }
      fake.files.set(`${image.uuid}/image.json`, Buffer.from('{}'));
      await assert.rejects((await connect()).upload(createOperation(), image), {
        type: 'Conflict',
        retryable: true,
        message: /cannot be read after it was written/,
      });
      assert.equal(fake.server.log.count({ method: 'PUT', path: /image\.json/ }), 5);
    });
  });

  it('registers anew what a removal has left in its middle', async () => {
    await withFake({}, async (setting) => {
      const { fake, image, connect } = setting;
      const provider = await connect();
      const registered = await push(provider, createOperation(), image);
      const remove = { method: 'DELETE', path: /SHA256SUMS/ };
      fake.server.fail({ kind: 'status', status: 403, match: remove });
      await assert.rejects(provider.delete(createOperation(), registered), { type: 'Forbidden' });
      assert.match(fake.files.get(`${image.uuid}/image.json`)?.toString() ?? '', /"state": "uploading"/);
      assert.equal(await provider.find(createOperation(), image), undefined);
      await push(provider, createOperation(), image);
      // A document that says `complete` where the rest is missing.
      fake.files.delete('index.json');
      fake.files.delete(`${image.uuid}/SHA256SUMS`);
      await provider.register(createOperation(), image, await provider.upload(createOperation(), image));
      assertPushed(setting);
      assert.ok(fake.files.has(`${image.uuid}/SHA256SUMS`));
      assert.match(fake.files.get('index.json')?.toString() ?? '', new RegExp(image.uuid));
    });
  });

  it('holds the upload rate', async () => {
    await withFake({}, async ({ image, connect }) => {
      const pauses: number[] = [];
      const operation = createOperation({ uploadRate: 1_000_000 });
      const sleep = (milliseconds: number): Promise<void> => {
        pauses.push(milliseconds);
        return operation.sleep(milliseconds);
      };
      await (await connect()).upload({ ...operation, sleep }, image);
      assert.ok(Math.max(...pauses) > 1500, 'three blocks of one MiB take three seconds');
    });
  });
});

describe('the credentials of a web server', () => {
  it('are a user with a password, or a token, each from its file, or given with the push', async () => {
    const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    await withFake({ authorization: basic }, async (setting) => {
      const { folder, image, connect } = setting;
      const password_file = join(folder, 'password');
      await writeFile(password_file, 'secret\n');
      await push(await connect({ user: 'user', password_file }), createOperation(), image);
      assertPushed(setting);
      const provider = await connect({}, { username: 'user', password: 'secret' });
      assert.notEqual(await provider.find(createOperation(), image), undefined);
    });
    await withFake({ authorization: 'Bearer t0ken' }, async (setting) => {
      const token_file = join(setting.folder, 'token');
      await writeFile(token_file, 't0ken\n');
      await push(await setting.connect({ token_file }), createOperation(), setting.image);
      assertPushed(setting);
    });
  });

  it('are named when they are wrong or missing, and never repeated', async () => {
    await withFake({ authorization: 'Bearer right' }, async ({ image, connect }) => {
      const provider = await connect({}, { token: 'wr0ng' });
      const [finding] = await provider.check(createOperation(), image);
      assert.equal(finding?.ok, false);
      assert.doesNotMatch(JSON.stringify(finding), /wr0ng/);
      await assert.rejects(push(provider, createOperation(), image), {
        type: 'AuthenticationFailed',
        retryable: false,
      });
      await assert.rejects(connect({}, { secret: 'x' }), { type: 'InvalidParameter' });
      await assert.rejects(connect({ token_file: '/no/such' }), { type: 'InvalidParameter', hint: /token_file/ });
    });
  });

  it('need a certificate that verifies: one of `ca`', async () => {
    await withFolder(async (folder) => {
      const [keyPath, certPath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      await makeCertificate(certPath, keyPath);
      const fake = new FakeWeb({}, { key: await readFile(keyPath), cert: await readFile(certPath) });
      await fake.server.listen();
      try {
        const image = await createPushedImage(folder, DISK);
        const url = `${fake.server.url}/files`;
        const untrusting = await files.connect(settingsOf({ url }));
        await assert.rejects(push(untrusting, createOperation(), image), {
          retryable: false,
          hint: /`ca` of a provider/,
        });
        await push(await files.connect(settingsOf({ url, ca: certPath })), createOperation(), image);
        assert.ok(fake.files.has(`${image.uuid}/debian-12.raw`));
      } finally {
        fake.server.close();
      }
    });
  });
});

describe('the check of a web server', () => {
  it('writes, reads and removes a small file, and leaves nothing', async () => {
    await withFake({}, async ({ fake, image, connect }) => {
      const findings = await (await connect()).check(createOperation(), image);
      assert.deepEqual(
        findings.map(({ ok }) => ok),
        [true, true, true, true],
      );
      assert.equal(fake.files.size, 0);
    });
  });

  it('says what is not allowed', async () => {
    await withFake({}, async ({ fake, connect }) => {
      fake.server.fail({ kind: 'status', status: 403, match: { method: 'DELETE' } });
      const wrong = (await (await connect()).check(createOperation())).filter(({ ok }) => !ok);
      assert.deepEqual(
        wrong.map(({ what }) => what),
        [`remove from ${fake.server.url}/files`],
      );
    });
  });
});
