import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';

type Done = (error?: Error | null) => void;

/** Bytes after which we start a sync in parallel to the writing, so that the sync at the end is short. */
const SYNC_EVERY = 64 * 1024 * 1024;

/**
 * Writes a stream to an open file, and leaves the file open. Chunks that arrive during a write are written together in
 * the next write, so that a small chunk needs no write of its own and no copy.
 */
export class FileSink extends Writable {
  /** Bytes written so far. */
  bytes = 0;
  private unsynced = 0;
  private writing: Promise<void> = Promise.resolve();
  private syncing: Promise<void> = Promise.resolve();

  /** @param gathered bytes to buffer in memory before the source must wait */
  constructor(
    private readonly file: FileHandle,
    gathered: number,
  ) {
    super({ highWaterMark: gathered });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.begin([chunk], done);
  }

  override _writev(entries: { chunk: Buffer }[], done: Done): void {
    this.begin(
      entries.map(({ chunk }) => chunk),
      done,
    );
  }

  private begin(chunks: Buffer[], done: Done): void {
    this.writing = this.writeAll(chunks).then(() => done(), done);
  }

  private async writeAll(chunks: Buffer[]): Promise<void> {
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    const { bytesWritten } = await this.file.writev(chunks);
    // The system may write fewer bytes than requested, for example when the disk is nearly full.
    if (bytesWritten < size) await this.file.appendFile(Buffer.concat(chunks).subarray(bytesWritten));
    this.bytes += size;
    this.unsynced += size;
    if (this.unsynced < SYNC_EVERY) return;
    await this.syncing;
    this.unsynced = 0;
    this.syncing = this.file.datasync();
    // This only prevents an unhandled rejection. The wait before the next sync, or `_final`, reports the error of this
    // sync. A later sync would not report it, because the system reports an error only once.
    this.syncing.catch(() => undefined);
  }

  override _final(done: Done): void {
    this.syncing.then(() => done(), done);
  }

  /** Waits for running writes and syncs, because the caller closes the file afterwards. */
  override _destroy(error: Error | null, done: Done): void {
    void Promise.allSettled([this.writing, this.syncing]).then(() => done(error));
  }
}
