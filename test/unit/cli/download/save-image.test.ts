import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { takePart } from '../../../../src/cli/download/part-file.js';
import { passImage, saveImage, type ImageSource } from '../../../../src/cli/download/save-image.js';

const CONTENT = randomBytes(5000);
const sha512 = createHash('sha512').update(CONTENT).digest('hex');
const signal = new AbortController().signal;

/** A source whose connection breaks after some bytes, and which records where it was read from. */
function sourceOf({ content = CONTENT, breakAfter = Infinity, canSeek = true } = {}): ImageSource & {
  reads: number[];
} {
  const reads: number[] = [];
  return {
    name: 'the source',
    size: CONTENT.length,
    digest: { algorithm: 'sha512', value: sha512 },
    reads,
    async read(offset) {
      reads.push(offset);
      const start = canSeek ? offset : 0;
      async function* send(): AsyncGenerator<Buffer> {
        for (let at = start; at < content.length; at += 1000) {
          if (at - start >= breakAfter) throw new Error('connection lost');
          yield content.subarray(at, at + 1000);
        }
      }
      return { data: send(), offset: start };
    },
  };
}

describe('the download of an image', () => {
  let parent: string;
  let count = 0;
  let folder: string;
  let path: string;
  let part: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'save-image-'));
  });
  after(() => rm(parent, { recursive: true }));
  beforeEach(async () => {
    folder = join(parent, String(count++));
    await mkdir(folder);
    path = join(folder, 'image.qcow2');
    part = `${path}.part`;
  });
  const save = (source: ImageSource, force = false) => saveImage(source, { path, part, force }, { signal });

  it('writes the file, and leaves nothing else', async () => {
    assert.deepEqual(await save(sourceOf()), { size: 5000, resumedAt: 0 });
    assert.deepEqual(await readFile(path), CONTENT);
    assert.deepEqual(await readdir(folder), ['image.qcow2']);
  });

  it('goes on where a broken one has stopped', async () => {
    await assert.rejects(save(sourceOf({ breakAfter: 3000 })), /connection lost/);
    assert.deepEqual(await readdir(folder), ['image.qcow2.part']);
    const source = sourceOf();
    assert.deepEqual(await save(source), { size: 5000, resumedAt: 3000 });
    assert.deepEqual(source.reads, [3000]);
    assert.deepEqual(await readFile(path), CONTENT);
  });

  it('begins anew where the source cannot begin in the middle', async () => {
    await writeFile(part, CONTENT.subarray(0, 3000));
    assert.deepEqual(await save(sourceOf({ canSeek: false })), { size: 5000, resumedAt: 0 });
    assert.deepEqual(await readFile(path), CONTENT);
  });

  it('asks for nothing when all bytes were there already', async () => {
    await writeFile(part, CONTENT);
    const source = sourceOf();
    assert.deepEqual(await save(source), { size: 5000, resumedAt: 5000 });
    assert.deepEqual(source.reads, []);
  });

  it('keeps no file with a wrong digest, and begins anew the next time', async () => {
    await writeFile(part, Buffer.alloc(3000, 1));
    await assert.rejects(save(sourceOf()), { type: 'ChecksumMismatch', hint: /begins anew/ });
    assert.deepEqual(await readdir(folder), []);
    await save(sourceOf());
    assert.deepEqual(await readFile(path), CONTENT);
  });

  it('keeps no file that is longer than the image', async () => {
    await writeFile(part, Buffer.concat([CONTENT, Buffer.from('x')]));
    await assert.rejects(save(sourceOf()), { type: 'ChecksumMismatch' });
    assert.deepEqual(await readdir(folder), []);
  });

  it('does not take a source that ends early for complete, and goes on later', async () => {
    await assert.rejects(save(sourceOf({ content: CONTENT.subarray(0, 2000) })), /ended after 2000 of 5000 bytes/);
    assert.deepEqual(await readdir(folder), ['image.qcow2.part']);
    assert.equal((await save(sourceOf())).resumedAt, 2000);
  });

  it('leaves nothing when the source fails before its first byte', async () => {
    await assert.rejects(save(sourceOf({ breakAfter: 0 })), /connection lost/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('does not replace a file without force, and never a folder', async () => {
    await writeFile(path, 'mine');
    await assert.rejects(save(sourceOf()), { type: 'Conflict', hint: /--force/ });
    assert.equal(await readFile(path, 'utf8'), 'mine');
    await save(sourceOf(), true);
    assert.deepEqual(await readFile(path), CONTENT);
    await rm(path);
    await mkdir(path);
    await assert.rejects(save(sourceOf(), true), { type: 'Conflict', hint: /no file/ });
  });

  it('does not write through a link', async () => {
    await writeFile(join(folder, 'other'), 'mine');
    await symlink(join(folder, 'other'), part);
    await assert.rejects(save(sourceOf()), { type: 'StoreFailed' });
    assert.equal(await readFile(join(folder, 'other'), 'utf8'), 'mine');
  });

  it('says so when the folder does not exist', async () => {
    await assert.rejects(
      saveImage(
        sourceOf(),
        { path: join(folder, 'no', 'x'), part: join(folder, 'no', 'x.part'), force: false },
        { signal },
      ),
      { type: 'StoreFailed', message: /cannot write .*ENOENT/ },
    );
  });

  it('does not disturb another one to the same file at the same time', async () => {
    await writeFile(part, CONTENT.subarray(0, 2000));
    // The second one begins anew while the first one writes, and ends first.
    const second = sourceOf({ canSeek: false });
    const first = sourceOf();
    const read = first.read.bind(first);
    first.read = async (offset, given) => {
      await save(second);
      await rm(path);
      return read(offset, given);
    };
    assert.deepEqual(await save(first), { size: 5000, resumedAt: 2000 });
    assert.deepEqual(second.reads, [0]);
    assert.deepEqual(await readFile(path), CONTENT);
    assert.deepEqual(await readdir(folder), ['image.qcow2']);
  });

  it('is refused at its end when another one was faster, and loses nothing', async () => {
    const first = sourceOf();
    const read = first.read.bind(first);
    first.read = async (offset, given) => {
      await save(sourceOf());
      return read(offset, given);
    };
    await assert.rejects(save(first), { type: 'Conflict' });
    assert.deepEqual(await readFile(path), CONTENT);
  });

  it('goes on with the file of one that was killed', async () => {
    const killed = await takePart(part);
    const { pid } = spawnSync('true');
    await writeFile(killed.replace(`-${process.pid}-`, `-${pid}-`), CONTENT.subarray(0, 4000));
    assert.deepEqual(await save(sourceOf()), { size: 5000, resumedAt: 4000 });
    assert.deepEqual(await readdir(folder), ['image.qcow2']);
  });

  it('stops at a signal, and leaves what it has', async () => {
    const abort = new AbortController();
    const interrupted = saveImage(
      sourceOf(),
      { path, part, force: false },
      {
        signal: abort.signal,
        onProgress: (bytes) => bytes >= 2000 && abort.abort(new Error('interrupted')),
      },
    );
    await assert.rejects(interrupted, /interrupted/);
    assert.equal((await stat(part)).size, 2000);
  });

  it('leaves holes for zeros, also at the end', async () => {
    const content = Buffer.concat([CONTENT, Buffer.alloc(3 * 1024 * 1024)]);
    const source: ImageSource = {
      name: 'zeros',
      size: content.length,
      digest: { algorithm: 'sha256', value: createHash('sha256').update(content).digest('hex') },
      read: async (offset) => ({ data: (async function* () { yield content.subarray(offset); })(), offset }), // prettier-ignore
    };
    await save(source);
    assert.ok((await readFile(path)).equals(content));
    assert.ok((await stat(path)).blocks * 512 < content.length / 2);
  });

  it('to a stream ends with an error when the digest is wrong', async () => {
    const got: Buffer[] = [];
    const write = async (chunk: Buffer): Promise<void> => void got.push(Buffer.from(chunk));
    await passImage(sourceOf(), write, { signal });
    assert.deepEqual(Buffer.concat(got), CONTENT);
    await assert.rejects(passImage(sourceOf({ content: Buffer.alloc(5000) }), write, { signal }), {
      type: 'ChecksumMismatch',
    });
  });
});
