import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ImageCache } from '../../../src/store/image-cache.js';
import { giveLeasesAway } from '../../support/dead-owners.js';

const CONTENT = Buffer.alloc(64 * 1024, 'disk');
const DIGEST = { algorithm: 'sha512', value: createHash('sha512').update(CONTENT).digest('hex') };

describe('the image cache', () => {
  let folder: string;
  let cache: ImageCache;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-cache-'));
    cache = new ImageCache(folder, 2 * CONTENT.length);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function add(name: string, minutesAgo = 0): Promise<void> {
    writeFileSync(join(folder, `${name}.part`), CONTENT);
    await cache.add(name, join(folder, `${name}.part`));
    const used = new Date(Date.now() - minutesAgo * 60_000);
    utimesSync(join(folder, name), used, new Date());
  }

  const list = (): string[] => readdirSync(folder).filter((name) => name !== 'leases').sort(); // prettier-ignore

  it('has a file that was added, and no other', async () => {
    await add('a');
    assert.notEqual(await cache.find('a', DIGEST), undefined);
    assert.equal(await cache.find('b', DIGEST), undefined);
  });

  it('finds a damaged file, and removes it', async () => {
    await add('a');
    writeFileSync(join(folder, 'a'), CONTENT.subarray(1));
    assert.equal(await cache.find('a', DIGEST), undefined);
    assert.deepEqual(list(), []);
  });

  it('finds a file that another process has left damaged', async () => {
    await add('a');
    const flipped = Buffer.from(CONTENT);
    flipped.writeUInt8(flipped.readUInt8(7) ^ 1, 7);
    writeFileSync(join(folder, 'a'), flipped);
    assert.equal(await new ImageCache(folder, Infinity).find('a', DIGEST), undefined);
  });

  it('computes the digest of a file once', async () => {
    await add('a');
    // This would remove the file if the digest were computed.
    const wrong = { ...DIGEST, value: 'another' };
    const first = await cache.find('a', DIGEST);
    assert.equal(await cache.find('a', wrong), first);
    assert.equal(await new ImageCache(folder, Infinity).find('a', wrong), undefined);
  });

  it('removes what was not used for the longest time, until it is within its budget', async () => {
    await add('old', 30);
    await add('older', 60);
    await add('new', 1);
    assert.equal(await cache.shrinkTo(), true);
    assert.deepEqual(list(), ['new', 'old']);
    assert.equal(await cache.shrinkTo(), false);
    await cache.find('old', DIGEST);
    assert.equal(await cache.removeOldest(), true);
    assert.deepEqual(list(), ['old']);
  });

  it('never removes a file that is used, until its user ends or is killed', async () => {
    await add('a');
    const lease = await cache.use('a');
    assert.equal(await cache.shrinkTo(0), false);
    await lease.release();
    const dead = await cache.use('a');
    await giveLeasesAway(join(folder, 'leases'), 'here');
    assert.equal(await cache.shrinkTo(0), true);
    assert.deepEqual(list(), []);
    await dead.release();
  });

  it('gives the right to download a file to one at a time', async () => {
    const turn = await cache.startDownload('a');
    assert.equal(await cache.startDownload('a'), undefined);
    const other = await cache.startDownload('b');
    await Promise.all([turn?.release(), other?.release()]);
    const next = await cache.startDownload('a');
    assert.ok(next);
    await next.release();
  });
});
