import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { FactoryError } from '../../../../src/domain/errors.js';
import { copyFile } from '../../../../src/providers/files/copy-file.js';
import { files } from '../../../../src/providers/files/files.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { fillDisk, mayMount } from '../../../support/full-disk.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { push, settingsOf, withFolder } from './harness.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const BLOCK = 4 * MIB;
/** Four blocks, the last of which is short; the second has zeros only. */
const DISK = createDisk({ blocks: 4, blockSize: BLOCK, data: [0, 2, 3] }).subarray(0, 3 * BLOCK + 1000);

interface Setting {
  /** The folder of the provider. */
  place: string;
  /** A folder for other files. */
  outside: string;
  provider: Provider;
  image: PushedImage;
}

async function withPlace(work: (setting: Setting) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const [place, outside] = [join(folder, 'place'), join(folder, 'outside')];
    await Promise.all([mkdir(place), mkdir(outside)]);
    await work({ place, outside, provider: await connect(place), image: await createPushedImage(outside, DISK) });
  });
}

function connect(place: string): Promise<Provider> {
  return files.connect(settingsOf({ url: pathToFileURL(place).href }));
}

async function readIndex(place: string): Promise<{ images: { uuid: string }[] }> {
  return JSON.parse(await readFile(join(place, 'index.json'), 'utf8')) as { images: { uuid: string }[] };
}

describe('a push to a folder', () => {
  it('makes the file with its holes, a checksum file that sha256sum reads, a description and an index', async () => {
    await withPlace(async ({ place, provider, image }) => {
      const registered = await push(provider, createOperation(), image);
      const folder = join(place, image.uuid);
      assert.deepEqual((await readdir(folder)).sort(), ['SHA256SUMS', 'debian-12.raw', 'image.json']);
      assert.ok((await readFile(join(folder, 'debian-12.raw'))).equals(DISK));
      const { blocks, mode } = await stat(join(folder, 'debian-12.raw'));
      assert.ok(blocks * 512 <= 2 * BLOCK + 64 * 1024, 'the block of zeros is a hole');
      assert.equal(mode & 0o400, 0o400);
      await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder });
      assert.equal(registered.id, `${pathToFileURL(place).href}/${image.uuid}/debian-12.raw`);
      assert.match(registered.verifiedBy, /SHA-256 of the copy/);
      const [entry] = (await readIndex(place)).images;
      assert.equal(entry?.uuid, image.uuid);
      assert.deepEqual(await provider.find(createOperation(), image), registered);
      assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
      assert.ok((await readFile(join(folder, 'debian-12.raw'))).equals(DISK));
    });
  });

  for (const part of [0, 1, 2]) {
    it(`goes on after a stop in block ${part}, and writes no finished block twice`, async () => {
      await withPlace(async ({ place, provider, image }) => {
        const stop = new AbortController();
        const written = async (): Promise<void> => {
          const { size } = await stat(join(place, image.uuid, 'debian-12.raw.part'));
          if (size >= part * BLOCK) stop.abort(new Error('killed'));
        };
        let checks: Promise<unknown> = Promise.resolve();
        const first = createOperation({ signal: stop.signal, onReport: () => void (checks = checks.then(written)) });
        await assert.rejects(push(provider, first, image), /killed/);
        await checks;
        const { ids, sent } = await (await connect(place)).upload(createOperation(), image);
        assert.ok(sent <= DISK.length - BLOCK, 'the hole is not sent');
        assert.match(ids['file'] ?? '', /debian-12\.raw$/);
        await push(provider, createOperation(), image);
        assert.ok((await readFile(join(place, image.uuid, 'debian-12.raw'))).equals(DISK));
        assert.deepEqual((await readdir(join(place, image.uuid))).length, 3);
      });
    });
  }

  it('keeps of an unfinished copy what is the same as the file, and no more', async () => {
    await withPlace(async ({ place, provider, image }) => {
      await mkdir(join(place, image.uuid));
      const wrong = Buffer.from(DISK.subarray(0, 3 * BLOCK));
      wrong[2 * BLOCK + 5] = 1;
      await writeFile(join(place, image.uuid, 'debian-12.raw.part'), wrong);
      const { sent } = await provider.upload(createOperation(), image);
      assert.equal(sent, BLOCK + 1000);
      await push(provider, createOperation(), image);
      assert.ok((await readFile(join(place, image.uuid, 'debian-12.raw'))).equals(DISK));
    });
  });

  it('is copied by one of two attempts at once, and never cut after it has its name', async () => {
    await withPlace(async ({ place, image }) => {
      const attempts = await Promise.all([connect(place), connect(place), connect(place)]);
      const uploads = await Promise.all(attempts.map((each) => each.upload(createOperation(), image)));
      assert.equal(uploads.filter(({ sent }) => sent > 0).length, 1);
      const path = join(place, image.uuid, 'debian-12.raw');
      assert.ok((await readFile(path)).equals(DISK));
      // A copy that got its name while another attempt has it open.
      await rename(path, `${path}.part`);
      await writeFile(`${path}.part`, 'x', { flag: 'r+' });
      const publish = async (): Promise<void> => {
        await rename(`${path}.part`, path).catch(() => undefined);
      };
      await assert.rejects(copyFile(createOperation(), image, `${path}.part`, 'copying', publish), {
        type: 'StoreFailed',
        retryable: true,
      });
      assert.equal((await stat(path)).size, DISK.length);
    });
  });

  it('stops when its lease is lost, and changes nothing then', async () => {
    await withPlace(async ({ place, provider, image }) => {
      const part = join(place, image.uuid, 'debian-12.raw.part');
      const locks = join(place, '.imagefactory');
      let checks: Promise<unknown> = Promise.resolve();
      const lose = (): void => void (checks = checks.then(() => rm(locks, { recursive: true, force: true })));
      await assert.rejects(provider.upload(createOperation({ onReport: lose }), image), {
        type: 'StoreFailed',
        message: /was lost/,
      });
      await checks;
      assert.deepEqual((await readdir(join(place, image.uuid))).sort(), ['debian-12.raw.part', 'image.json']);
      assert.ok((await stat(part)).size > 0);
      await push(provider, createOperation(), image);
      assert.ok((await readFile(join(place, image.uuid, 'debian-12.raw'))).equals(DISK));
    });
  });

  it('gives no name to a copy that differs from the file', async () => {
    await withPlace(async ({ place, provider, image }) => {
      const other = { ...image, file: { ...image.file, sha256: '0'.repeat(64) } };
      await assert.rejects(push(provider, createOperation(), other), { type: 'ChecksumMismatch', retryable: true });
      const names = await readdir(join(place, image.uuid));
      assert.deepEqual(names.sort(), ['debian-12.raw.part', 'image.json']);
      assert.equal((await stat(join(place, image.uuid, 'debian-12.raw.part'))).size, 0);
    });
  });

  it('does not follow a symbolic link that leads out of the folder', async () => {
    await withPlace(async ({ place, outside, provider, image }) => {
      await symlink(outside, join(place, image.uuid));
      await assert.rejects(push(provider, createOperation(), image), { type: 'Conflict', message: /leads out of/ });
      await rm(join(place, image.uuid));
      await mkdir(join(place, image.uuid));
      await symlink(join(outside, 'victim'), join(place, image.uuid, 'debian-12.raw.part'));
      await assert.rejects(push(provider, createOperation(), image), { type: 'Conflict' });
      assert.equal((await readdir(outside)).length, 1, 'the file of the image only');
    });
  });

  it('says that the folder is missing, and does not make it: its file system may not be mounted', async () => {
    await withPlace(async ({ place, provider, image }) => {
      await rm(place, { recursive: true });
      await assert.rejects(push(provider, createOperation(), image), {
        type: 'NotFound',
        hint: /mount its file system/,
      });
      const [finding] = await provider.check(createOperation(), image);
      assert.equal(finding?.ok, false);
      await assert.rejects(stat(place), { code: 'ENOENT' });
    });
  });

  it('says that the disk is full, and goes on when there is space', { skip: !mayMount }, async () => {
    await withFolder(async (folder) => {
      const place = await mkdtemp(join(tmpdir(), 'files-full-'));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', place]);
      try {
        const image = await createPushedImage(folder, Buffer.alloc(20 * MIB, 'data'));
        const provider = await connect(place);
        await writeFile(join(place, 'theirs'), Buffer.alloc(10 * MIB, 'x'));
        const findings = await provider.check(createOperation(), image);
        assert.match(findings.find(({ ok }) => !ok)?.message ?? '', /has 14 MiB free/);
        await fillDisk(place);
        await assert.rejects(push(provider, createOperation(), image), { type: 'QuotaExceeded', retryable: true });
        await rm(join(place, 'filler'));
        await assert.rejects(push(provider, createOperation(), image), {
          type: 'QuotaExceeded',
          hint: 'free space on the disk of the folder, or raise the quota',
        });
        await rm(join(place, 'theirs'));
        const { sent } = await provider.upload(createOperation(), image);
        assert.ok(sent <= 12 * MIB, 'the first blocks are kept');
        await push(provider, createOperation(), image);
        assert.ok((await readFile(join(place, image.uuid, 'debian-12.raw'))).equals(await readFile(image.file.path)));
      } finally {
        await run('umount', [place]);
        await rm(place, { recursive: true });
      }
    });
  });

  it('keeps the entries of pushes at the same time, and those of others', async () => {
    await withPlace(async ({ place, outside, provider }) => {
      const theirs = { uuid: 'theirs', note: 'kept' };
      await writeFile(join(place, 'index.json'), JSON.stringify({ title: 'ours', images: [theirs] }));
      const images = await Promise.all(
        Array.from({ length: 8 }, () => createPushedImage(outside, Buffer.from('disk'))),
      );
      await Promise.all(images.map((image) => push(provider, createOperation(), image)));
      const index = await readIndex(place);
      assert.deepEqual(index.images[0], theirs);
      assert.equal((index as { title?: string }).title, 'ours');
      assert.deepEqual(
        index.images.map(({ uuid }) => uuid).sort(),
        ['theirs', ...images.map(({ uuid }) => uuid)].sort(),
      );
      assert.deepEqual(await readdir(join(place, '.imagefactory')), [], 'no lock remains');
    });
  });

  it('does not change an index that is not one', async () => {
    await withPlace(async ({ place, provider, image }) => {
      await writeFile(join(place, 'index.json'), '[1, 2]');
      await assert.rejects(push(provider, createOperation(), image), { type: 'Conflict', message: /not an index/ });
      assert.equal(await readFile(join(place, 'index.json'), 'utf8'), '[1, 2]');
    });
  });

  it('leaves alone what somebody else has put under its name', async () => {
    await withPlace(async ({ place, provider, image }) => {
      await mkdir(join(place, image.uuid));
      await writeFile(join(place, image.uuid, 'image.json'), '{}');
      await assert.rejects(push(provider, createOperation(), image), { type: 'Conflict' });
      const findings = await provider.check(createOperation(), image);
      assert.match(findings.find(({ ok }) => !ok)?.message ?? '', /was not made by a push of this image/);
      assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
      assert.deepEqual(await readdir(join(place, image.uuid)), ['image.json']);
    });
  });
});

describe('the clean-up of a folder', () => {
  it('lists and removes what a dead push has left, and nothing else', async () => {
    await withPlace(async ({ place, outside, provider, image }) => {
      const done = await createPushedImage(outside, Buffer.from('done'));
      await push(provider, createOperation(), done);
      await provider.upload(createOperation(), image);
      await writeFile(join(place, image.uuid, 'debian-12.raw.part'), 'old');
      await mkdir(join(place, 'theirs'));
      const staging = await provider.listStaging(createOperation());
      assert.deepEqual(
        staging.map(({ uuid, kind }) => ({ uuid, kind })),
        [
          { uuid: image.uuid, kind: 'unfinished copy' },
          { uuid: image.uuid, kind: 'unfinished push' },
        ],
      );
      assert.equal(staging[1]?.size, DISK.length);
      await provider.removeStaging(createOperation(), image.uuid);
      assert.deepEqual((await readdir(place)).sort(), ['.imagefactory', done.uuid, 'index.json', 'theirs'].sort());
      assert.deepEqual(await provider.listStaging(createOperation()), []);
    });
  });

  it('deletes an image from its record alone, keeps what others have put beside it, and can do it twice', async () => {
    await withPlace(async ({ place, image }) => {
      const registered = await push(await connect(place), createOperation(), image);
      await writeFile(join(place, image.uuid, 'README'), 'theirs');
      const provider = await connect(place);
      assert.equal((await provider.delete(createOperation(), registered)).length, 3);
      assert.deepEqual(await provider.delete(createOperation(), registered), []);
      assert.deepEqual(await readdir(join(place, image.uuid)), ['README']);
      assert.deepEqual(await readIndex(place), { images: [] });
    });
  });

  it('removes its own temporary names only, and probes that a check has left', async () => {
    await withPlace(async ({ place, provider, image }) => {
      await provider.upload(createOperation(), image);
      const own = ['debian-12.raw.part', `image.json.${randomUUID()}.part`];
      const theirs = ['theirs.part', 'image.json.part', 'other.raw.part'];
      for (const name of [...own, ...theirs]) await writeFile(join(place, image.uuid, name), 'x');
      const uuid = randomUUID();
      await writeFile(join(place, `.imagefactory-probe-${uuid}`), '');
      await writeFile(join(place, '.imagefactory-probe-theirs'), '');
      const staging = await provider.listStaging(createOperation());
      assert.equal(staging.filter(({ kind }) => kind === 'unfinished copy').length, 2);
      assert.deepEqual(
        staging.filter(({ kind }) => kind === 'probe').map((found) => found.uuid),
        [uuid],
      );
      assert.equal((await provider.removeStaging(createOperation(), uuid)).length, 1);
      await provider.removeStaging(createOperation(), image.uuid);
      assert.deepEqual((await readdir(join(place, image.uuid))).sort(), theirs.sort());
      assert.deepEqual(await provider.listStaging(createOperation()), []);
      assert.ok((await readdir(place)).includes('.imagefactory-probe-theirs'));
    });
  });

  it('refuses an image of another place', async () => {
    await withPlace(async ({ place, outside, provider, image }) => {
      const registered = await push(provider, createOperation(), image);
      const other = await connect(outside);
      await assert.rejects(
        other.delete(createOperation(), registered),
        (error) => error instanceof FactoryError && error.type === 'InvalidParameter',
      );
      assert.equal((await readIndex(place)).images.length, 1);
    });
  });
});
