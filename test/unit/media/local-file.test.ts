import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { FactoryError } from '../../../src/domain/errors.js';
import { type FetchedFile, fetchToFile } from '../../../src/media/fetch.js';
import { fetchValidators } from '../../../src/media/head.js';
import { fetchBytes } from '../../../src/media/text.js';
import { changeToLinks } from './change-to-links.js';

const DISC = randomBytes(1_000_000);

/**
 * Number of reads of paths that change all the time. Without the check of the open file, some dozen of these reads
 * would get a file outside the folders.
 */
const READS = 1000;

describe('a file of the worker’s machine that a template names', () => {
  let root: string;
  let opened: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-file-'));
    opened = join(root, 'opened');
    await mkdir(join(opened, 'a b'), { recursive: true });
    await mkdir(`${opened}-not`);
    await writeFile(join(opened, 'a b', 'f'), 'inside');
    await writeFile(join(root, 'secret'), 'outside');
    await writeFile(join(`${opened}-not`, 'f'), 'outside');
    await symlink(join(root, 'secret'), join(opened, 'link'));
    await symlink(opened, join(root, 'way'));
    await writeFile(join(opened, 'disc.iso'), DISC);
    await promisify(execFile)('mkfifo', [join(opened, 'pipe')]);
  });
  after(() => rm(root, { recursive: true }));

  const read = (url: string, maxBytes = 100): Promise<Buffer> =>
    fetchBytes(url, { access: { directories: [opened] }, maxBytes });
  const refused = (url: string, message: RegExp, maxBytes?: number): Promise<void> =>
    assert.rejects(
      read(url, maxBytes),
      (error) =>
        error instanceof FactoryError &&
        error.type === 'MediaUnavailable' &&
        !error.retryable &&
        message.test(error.message) &&
        !error.message.includes('outside'),
    );

  it('is read from an allowed folder, in every notation of its address', async () => {
    const url = pathToFileURL(join(opened, 'a b', 'f')).href;
    assert.match(url, /%20/);
    assert.equal((await read(url)).toString(), 'inside');
    assert.equal((await read(url.replace('file://', 'FILE://localhost'))).toString(), 'inside');
    assert.equal((await read(pathToFileURL(join(root, 'way', 'a b', 'f')).href)).toString(), 'inside');
  });

  it('is refused outside the allowed folders, with the same error whether it exists or not', async () => {
    const none = /in none of the folders/;
    await refused(`file://${root}/secret`, none);
    await refused(`file://${root}/there-is-none`, none);
    await refused(`file://${opened}/../secret`, none);
    await refused(`file://${opened}/%2e%2e/secret`, none);
    await refused(`file://${opened}/link`, none);
    await refused(`file://${opened}-not/f`, none);
    await refused(`file://${opened}`, none);
    await assert.rejects(fetchBytes(`file://${opened}/a%20b/f`, { access: { directories: [] }, maxBytes: 1 }), none);
  });

  it('is refused when its address is not an absolute path on the worker', async () => {
    for (const url of ['file://./tests/f', 'file://host/f', 'file:f', 'file:///a%2fb']) {
      await refused(url, /is not an absolute path on the worker/);
    }
  });

  it('is refused when it is not a regular file, or is too large', async () => {
    await refused(`file://${opened}/a%20b`, /it is not a regular file/);
    await refused(`file://${opened}/pipe`, /it is not a regular file/);
    await refused(`file://${opened}/a%20b/f`, /larger than 5 bytes/, 5);
  });

  it('is never read outside the allowed folders, however often it, or a folder on its way, becomes a link', async () => {
    const [file, folder, hidden] = [join(opened, 'moving'), join(opened, 'moving-folder'), join(root, 'hidden')];
    for (const name of [folder, hidden]) await mkdir(name);
    await writeFile(join(folder, 'f'), 'inside');
    await writeFile(join(hidden, 'f'), 'outside');
    await writeFile(file, 'inside');
    const seen = { inside: 0, outside: 0, refused: 0 };
    const stopChanges = changeToLinks(file, folder, hidden);
    const isDone = (reads: number): boolean => reads >= READS && seen.inside > 0 && seen.refused > 0;
    for (let reads = 0; !isDone(reads) && reads < 100 * READS; reads++) {
      const path = reads % 2 === 0 ? file : join(folder, 'f');
      await read(pathToFileURL(path).href).then(
        (bytes) => seen[bytes.toString() as 'inside' | 'outside']++,
        () => seen.refused++,
      );
    }
    await stopChanges();
    assert.ok(seen.outside === 0 && seen.inside > 0 && seen.refused > 0, JSON.stringify(seen));
  });

  it('is fetched as a medium, and digest, size and modification time are returned', async () => {
    const path = join(root, 'fetched');
    const url = `file://${opened}/disc.iso`;
    const { mtime } = await stat(join(opened, 'disc.iso'));
    const expected = { algorithm: 'sha1', value: createHash('sha1').update(DISC).digest('hex') };
    assert.deepEqual(
      await fetchToFile({ url, path, access: { directories: [opened] }, maxBytes: DISC.length, expected }),
      {
        sha256: createHash('sha256').update(DISC).digest('hex'),
        size: DISC.length,
        finalUrl: url,
        etag: undefined,
        lastModified: mtime.toISOString(),
      },
    );
    assert.ok(DISC.equals(await readFile(path)));
    assert.deepEqual(await fetchValidators(url, { access: { directories: [opened] } }), {
      etag: undefined,
      lastModified: mtime.toISOString(),
      size: DISC.length,
    });
    assert.equal((await fetchBytes(url, { access: { directories: [opened] } })).length, DISC.length);
  });

  it('is refused as a medium when it is too large, outside the allowed folders, or no folder is allowed', async () => {
    const path = join(root, 'refused');
    const url = `file://${opened}/disc.iso`;
    const fetching = (from: string, directories: string[] = []): Promise<FetchedFile> =>
      fetchToFile({ url: from, path, access: { directories }, maxBytes: 1000 });
    await assert.rejects(fetching(url, [opened]), { retryable: false, message: /the limit is 1000 bytes/ });
    const none = { type: 'MediaUnavailable', retryable: false, message: /in none of the folders/ };
    await assert.rejects(fetching(`file://${opened}/link`, [opened]), none);
    await assert.rejects(fetching(url), none);
    await assert.rejects(fetchBytes(url), none);
    await assert.rejects(fetchValidators(url), none);
    assert.ok(!existsSync(path));
  });

  it('is no longer fetched when the signal aborts; the error is the reason of the signal', async () => {
    const stop = new AbortController();
    const path = join(root, 'stopped');
    const onProgress = (): void => stop.abort(new Error('enough'));
    const url = `file://${opened}/disc.iso`;
    const access = { directories: [opened] };
    await assert.rejects(fetchToFile({ url, path, access, maxBytes: 10_000_000, signal: stop.signal, onProgress }), {
      message: 'enough',
    });
    assert.ok(!existsSync(path));
  });
});
