import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FileSink } from '../../../src/store/file-sink.js';

const MIB = 1024 ** 2;

describe('FileSink', () => {
  let folder: string;
  let file: FileHandle;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'file-sink-'));
    file = await open(join(folder, 'file'), 'wx');
  });
  afterEach(async () => {
    await file.close();
    await rm(folder, { recursive: true });
  });

  /** Returns the file with some of its methods replaced. */
  function withMethods(methods: Partial<FileHandle>): FileHandle {
    return new Proxy(file, {
      get(target, name) {
        const method = methods[name as keyof FileHandle] ?? target[name as keyof FileHandle];
        return typeof method === 'function' ? method.bind(target) : method;
      },
    });
  }

  it('writes all bytes in order, for all sizes of chunks, and leaves the file open', async () => {
    const chunks = Array.from({ length: 500 }, (_none, index) => randomBytes((index * 7919) % 9000));
    const sink = new FileSink(file, MIB);
    await pipeline(Readable.from(chunks), sink);
    const whole = Buffer.concat(chunks);
    assert.equal(sink.bytes, whole.length);
    assert.ok((await readFile(join(folder, 'file'))).equals(whole));
    await file.sync();
  });

  it('combines small chunks that come during a write', async () => {
    let writes = 0;
    const counting = withMethods({
      writev: (buffers: readonly NodeJS.ArrayBufferView[]) => {
        writes += 1;
        return file.writev(buffers);
      },
    } as Partial<FileHandle>);
    await pipeline(Readable.from(Array.from({ length: 1000 }, () => Buffer.alloc(100))), new FileSink(counting, MIB));
    assert.ok(writes < 500, `${writes} writes`);
  });

  it('writes the rest when the system has written only a part', async () => {
    const short = withMethods({
      writev: async (buffers: readonly NodeJS.ArrayBufferView[]) => {
        const all = Buffer.concat(buffers as Buffer[]);
        return { bytesWritten: (await file.write(all, 0, Math.min(3, all.length))).bytesWritten, buffers };
      },
    } as Partial<FileHandle>);
    await pipeline(Readable.from(['hello ', 'and ', 'goodbye']), new FileSink(short, MIB));
    assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'hello and goodbye');
  });

  it('fails when a datasync fails that runs beside the writes', async () => {
    let synced = 0;
    const failing = withMethods({
      datasync: async () => {
        synced += 1;
        throw new Error('the disk is broken');
      },
    });
    const chunks = Array.from({ length: 65 }, () => Buffer.alloc(MIB));
    await assert.rejects(pipeline(Readable.from(chunks), new FileSink(failing, MIB)), /the disk is broken/);
    assert.equal(synced, 1);
  });

  it('closes only after the current write has ended when it is destroyed', async () => {
    let finish: (() => void) | undefined;
    const slow = withMethods({
      writev: async (buffers: readonly NodeJS.ArrayBufferView[]) => {
        await new Promise<void>((resolve) => (finish = resolve));
        return { bytesWritten: 4, buffers };
      },
    } as Partial<FileHandle>);
    const sink = new FileSink(slow, MIB);
    let closed = false;
    const close = new Promise<void>((resolve) => {
      sink.once('close', () => {
        closed = true;
        resolve();
      });
    });
    sink.on('error', () => undefined);
    sink.write('body');
    sink.destroy(new Error('enough'));
    await new Promise(setImmediate);
    assert.equal(closed, false);
    finish?.();
    await close;
  });
});
