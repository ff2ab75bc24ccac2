import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { BuildRecord } from '../../../src/domain/record.js';
import { FileStore } from '../../../src/store/file-store.js';

const ONE = '4cc3b024-5fe7-4b0b-934b-c5d463b990b0';
const TWO = '97d7b024-5fe7-4b0b-934b-c5d463b990b0';

function record(identifier: string, overrides: Partial<BuildRecord> = {}): BuildRecord {
  return {
    identifier,
    type: 'BaseImage',
    data: `/store/${identifier}.body`,
    template: '<template/>',
    icicle: null,
    package_details: null,
    icicle_warning: null,
    status: 'BUILDING',
    status_detail: { activity: 'installing', error: null },
    percent_complete: 30,
    parameters: { flavor: 'm1.small' },
    properties: {},
    workflow_id: `base_image-${identifier}`,
    cloud: 'envvars',
    name: 'debian',
    os: { name: 'Debian', version: '12', arch: 'x86_64' },
    created_at: '2026-11-22T10:00:00Z',
    completed_at: null,
    glance_id: null,
    checksum: null,
    checksum_md5: null,
    size: null,
    min_disk: null,
    jeos: null,
    packages: null,
    timings: {},
    downloaded: false,
    ...overrides,
  };
}

describe('FileStore', () => {
  let parent: string;
  let count = 0;
  let store: FileStore;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'store-'));
  });
  after(() => rm(parent, { recursive: true }));
  beforeEach(() => {
    store = new FileStore(join(parent, `store${count++}`));
  });

  it('returns nothing before the first write', async () => {
    assert.equal(await store.readRecord(ONE), undefined);
    assert.equal(await store.readDocument(ONE, 'template.tdl'), undefined);
    assert.deepEqual(await store.listRecords(), { records: [], unreadable: [] });
    assert.deepEqual(await store.deleteRecord(ONE), []);
    await store.deleteDocument(ONE, 'template.tdl');
  });

  it('returns a record as written, also with unknown fields', async () => {
    const written = { ...record(ONE), later: { field: 1 } };
    await store.writeRecord(written);
    assert.deepEqual(await store.readRecord(ONE), written);
    assert.match(await readFile(join(store.directory, `${ONE}.meta`), 'utf8'), /^\{\n {2}"identifier": "4cc3b024/);
  });

  it('creates files and folders that only their owner can access', async () => {
    await store.writeRecord(record(ONE));
    await store.writeDocument(ONE, 'key', 'secret');
    await store.writeBody(ONE, Readable.from([Buffer.from('body')]));
    const mode = async (...names: string[]): Promise<number> =>
      (await stat(join(store.directory, ...names))).mode & 0o777;
    assert.deepEqual([await mode(), await mode(`${ONE}.d`)], [0o700, 0o700]);
    assert.deepEqual(
      [await mode(`${ONE}.meta`), await mode(`${ONE}.body`), await mode(`${ONE}.d`, 'key')],
      [0o600, 0o600, 0o600],
    );
  });

  it('lists records newest first, and names the files that it cannot read', async () => {
    await store.writeRecord(record(ONE));
    await store.writeRecord(record(TWO, { created_at: '2026-11-22T11:00:00Z' }));
    const broken = '00000000-5fe7-4b0b-934b-c5d463b990b0.meta';
    await writeFile(join(store.directory, broken), '{"identifier": 5}');
    await writeFile(join(store.directory, 'notes.meta'), '{}');
    const { records, unreadable } = await store.listRecords();
    assert.deepEqual(
      records.map(({ identifier }) => identifier),
      [TWO, ONE],
    );
    assert.deepEqual(unreadable, [broken, 'notes.meta']);
  });

  it('names the invalid field of a record', async () => {
    await store.writeRecord({ ...record(ONE), percent_complete: 'half' as unknown as number });
    await assert.rejects(store.readRecord(ONE), { type: 'StoreFailed', message: /percent_complete/ });
    await writeFile(join(store.directory, `${ONE}.meta`), '{"rootpw": "secret"');
    await assert.rejects(store.readRecord(ONE), { type: 'StoreFailed', message: `${ONE}.meta is not valid JSON` });
  });

  it('refuses UUIDs and names that lead to other folders', async () => {
    for (const uuid of ['../x', '', `${ONE}/..`, ONE.toUpperCase()]) {
      assert.throws(() => store.bodyPath(uuid), { type: 'StoreFailed' });
      await assert.rejects(store.readRecord(uuid), { type: 'StoreFailed' });
      await assert.rejects(store.deleteRecord(uuid), { type: 'StoreFailed' });
      await assert.rejects(store.writeRecord(record(uuid)), { type: 'StoreFailed' });
    }
    for (const name of ['..', '../x', 'a/b', '', '.hidden', 'a\0']) {
      await assert.rejects(store.writeDocument(ONE, name, ''), { type: 'StoreFailed' });
    }
  });

  it('makes a document only once for concurrent callers', async () => {
    let made = 0;
    const other = new FileStore(store.directory);
    const contents = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store : other).ensureDocument(ONE, 'key', () => Promise.resolve(`content ${made++}`)),
      ),
    );
    assert.equal(new Set(contents.map(String)).size, 1);
    assert.deepEqual(await store.readDocument(ONE, 'key'), contents[0]);
    assert.deepEqual(await readdir(join(store.directory, `${ONE}.d`)), ['key']);
  });

  it('never returns a part of a record during concurrent writes', async () => {
    const text = 'x'.repeat(200_000);
    await store.writeRecord(record(ONE, { icicle: text }));
    const writes = Array.from({ length: 20 }, (_, index) =>
      store.writeRecord(record(ONE, { icicle: text, percent_complete: index })),
    );
    const reads = Array.from({ length: 20 }, () => store.readRecord(ONE));
    for (const read of await Promise.all(reads)) assert.equal(read?.icicle, text);
    await Promise.all(writes);
    assert.deepEqual(await readdir(store.directory), [`${ONE}.meta`]);
  });

  it('writes a whole body, and returns its size in bytes', async () => {
    const progress: number[] = [];
    const pieces = [Buffer.alloc(5_000_000, 1), Buffer.alloc(3)];
    const size = await store.writeBody(ONE, Readable.from(pieces), { onProgress: (bytes) => progress.push(bytes) });
    assert.equal(size, 5_000_003);
    assert.deepEqual(progress, [5_000_000, 5_000_003]);
    assert.deepEqual(await readFile(store.bodyPath(ONE)), Buffer.concat(pieces));
  });

  it('removes the part of a body whose source failed or that was stopped, and keeps the previous body', async () => {
    await store.writeBody(ONE, Readable.from(['before']));

    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('half');
      throw new Error('broke off');
    };
    await assert.rejects(store.writeBody(ONE, Readable.from(broken())), { message: 'broke off' });
    const stop = new AbortController();
    const endless = new Readable({ read: () => undefined });
    endless.push('half');
    const stopped = store.writeBody(ONE, endless, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(stopped, { message: 'enough' });
    assert.ok(endless.destroyed);
    assert.equal(await readFile(store.bodyPath(ONE), 'utf8'), 'before');
    assert.deepEqual(await readdir(store.directory), [`${ONE}.body`]);
  });

  it('deletes record, body, documents and partial files of one image only', async () => {
    await store.writeRecord(record(ONE));
    await store.writeRecord(record(TWO));
    await store.writeBody(ONE, Readable.from(['body']));
    await store.writeDocument(ONE, 'plan.json', '{}');
    await writeFile(join(store.directory, `${ONE}.body.0123456789ab.part`), 'half');
    assert.deepEqual(await store.deleteRecord(ONE), [`${ONE}.body`, `${ONE}.d`, `${ONE}.meta`]);
    assert.deepEqual(await readdir(store.directory), [`${TWO}.meta`]);
  });

  it('fails with the path and the reason when it cannot write', async () => {
    await writeFile(join(parent, 'a file'), '');
    const impossible = new FileStore(join(parent, 'a file', 'store'));
    await assert.rejects(impossible.writeRecord(record(ONE)), {
      type: 'StoreFailed',
      retryable: false,
      message: /cannot write .*ENOTDIR/,
    });
  });

  it('reads a part of a document', async () => {
    await store.writeDocument(ONE, 'log', '0123456789');
    const part = async (offset: number, length: number): Promise<string | undefined> =>
      (await store.readDocument(ONE, 'log', { offset, length }))?.toString();
    assert.deepEqual([await part(0, 4), await part(8, 4), await part(10, 4)], ['0123', '89', '']);
    assert.equal(await store.readDocument(ONE, 'none', { offset: 0, length: 1 }), undefined);
  });

  describe('deletes documents unless they are needed', () => {
    const read = async (name: string): Promise<string | undefined> => (await store.readDocument(ONE, name))?.toString();
    const left = async (): Promise<string[]> => (await readdir(store.directory)).filter((name) => name.startsWith(ONE));
    beforeEach(async () => {
      await store.writeDocument(ONE, 'a', 'old a');
      await store.writeDocument(ONE, 'b', 'old b');
    });

    it('and asks whether they are, after it has put them aside', async () => {
      let seen: string[] | undefined;
      await store.deleteDocumentsUnless(ONE, async () => {
        seen = await store.listDocuments(ONE);
        return false;
      });
      assert.deepEqual([seen, await left()], [[], []]);
      await store.deleteDocumentsUnless(ONE, async () => false);
    });

    it('and keeps what is written after that', async () => {
      await store.deleteDocumentsUnless(ONE, async () => {
        await store.writeDocument(ONE, 'a', 'new a');
        return false;
      });
      assert.deepEqual([await read('a'), await read('b'), await left()], ['new a', undefined, [`${ONE}.d`]]);
    });

    it('else puts them back, but not over newer ones; also when the question fails', async () => {
      await store.deleteDocumentsUnless(ONE, async () => {
        await store.writeDocument(ONE, 'a', 'new a');
        return true;
      });
      assert.deepEqual([await read('a'), await read('b'), await left()], ['new a', 'old b', [`${ONE}.d`]]);
      await assert.rejects(
        store.deleteDocumentsUnless(ONE, () => Promise.reject(new Error('no answer'))),
        /no answer/,
      );
      assert.deepEqual([await read('a'), await read('b'), await left()], ['new a', 'old b', [`${ONE}.d`]]);
    });

    it('and finishes what an interrupted call has left', async () => {
      await rename(join(store.directory, `${ONE}.d`), join(store.directory, `${ONE}.d.0123456789ab.aside`));
      await store.deleteDocumentsUnless(ONE, async () => true);
      assert.deepEqual([await read('a'), await left()], ['old a', [`${ONE}.d`]]);
      await rename(join(store.directory, `${ONE}.d`), join(store.directory, `${ONE}.d.0123456789ab.aside`));
      await store.deleteDocumentsUnless(ONE, async () => false);
      assert.deepEqual(await left(), []);
    });

    it('while others write them', async () => {
      const writes = Array.from({ length: 40 }, (_none, index) => store.writeDocument(ONE, `w${index}`, 'x'));
      await store.deleteDocumentsUnless(ONE, async () => true);
      await Promise.all(writes);
      assert.equal((await store.listDocuments(ONE)).length, 42);
    });
  });
});
