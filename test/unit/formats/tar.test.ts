import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { findGzipError, writeGzip } from '../../../src/formats/archive/gzip.js';
import { listOffsets, tarSize, writeTar, writeTarHeader } from '../../../src/formats/archive/tar.js';
import { textFile } from '../../../src/formats/bytes/content.js';
import { makeFolder } from './disks.js';

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inChunks(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('a tar', () => {
  for (const dialect of ['ustar', 'oldgnu'] as const) {
    it(`of the dialect ${dialect} is read by tar, also with a size of 8 GiB and more`, () => {
      for (const size of [0, 511, 8 * 2 ** 30 - 1, 8 * 2 ** 30, 20 * 2 ** 40]) {
        // The file itself is missing: tar lists the header, then complains.
        const input = writeTarHeader({ name: 'disk.raw', size }, dialect);
        const { stdout } = spawnSync('tar', ['tvf', '-', '--utc'], { input, encoding: 'utf8' });
        assert.match(stdout, new RegExp(`^-rw-r--r-- 0/0 +${size} 1970-01-01 00:00 disk.raw\n`));
      }
    });
  }

  it('has its files at the offsets that are announced', async () => {
    const files = [textFile('a', 'x'.repeat(512)), textFile('b', 'y'), textFile('c', 'zz')];
    const tar = await collect(writeTar(files, 'ustar'));
    const [a = 0, b = 0, c = 0] = listOffsets(files);
    assert.equal(tar.toString('latin1', a, a + 512), 'x'.repeat(512));
    assert.equal(tar.toString('latin1', b, b + 1), 'y');
    assert.equal(tar.toString('latin1', c, c + 2), 'zz');
    assert.equal(tar.length, tarSize(files.map(({ size }) => size)));
  });

  it('fails when a file is not as long as its header says', async () => {
    const file = { ...textFile('a', 'text'), size: 5 };
    await assert.rejects(collect(writeTar([file], 'ustar')), /a has 4 bytes, not 5/);
  });
});

describe('a gzip', () => {
  const folder = makeFolder();
  let files = 0;
  const newPath = (): string => join(folder, `${files++}.gz`);
  const bytes = Buffer.concat([
    randomBytes(1_500_000),
    Buffer.alloc(4_000_000),
    randomBytes(10),
    Buffer.alloc(3_000_000),
  ]);

  it('holds the bytes of its stream, whatever the chunks of the stream are', async () => {
    const results = await Promise.all(
      [512, 999_983, 2 ** 20, 10_000_000].map(async (length) => {
        const path = newPath();
        await writeGzip(path, inChunks(bytes, length));
        return readFileSync(path);
      }),
    );
    for (const result of results) assert.ok(result.equals(results[0] as Buffer));
    assert.ok(gunzipSync(results[0] as Buffer).equals(bytes));
  });

  it('of nothing is a gzip of nothing', async () => {
    const path = newPath();
    const lengths = await writeGzip(path, inChunks(Buffer.alloc(0), 1));
    assert.equal(gunzipSync(readFileSync(path)).length, 0);
    assert.equal(await findGzipError(path, lengths, inChunks(Buffer.alloc(0), 1)), undefined);
  });

  it('is compared with its source: a changed byte, a missing byte and a byte too many are seen', async () => {
    const path = newPath();
    const lengths = await writeGzip(path, inChunks(bytes, 2 ** 20));
    const good = readFileSync(path);
    const verify = (changed: Buffer, expected = bytes): Promise<number | undefined> => {
      writeFileSync(path, changed);
      return findGzipError(path, lengths, inChunks(expected, 999_983));
    };
    assert.equal(await verify(good), undefined);
    for (const at of [0, 5, 20, 100_000, 1_400_000, good.length - 9, good.length - 1]) {
      const changed = Buffer.from(good);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.notEqual(await verify(changed), undefined, `byte ${at}`);
    }
    assert.notEqual(await verify(good.subarray(0, -1)), undefined);
    assert.notEqual(await verify(Buffer.concat([good, Buffer.alloc(1)])), undefined);
    for (const at of [0, 2_500_000, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.notEqual(await verify(good, changed), undefined, `byte ${at} of the source`);
    }
    assert.notEqual(await verify(good, bytes.subarray(0, -1)), undefined);
  });
});
