import { createHash, type Hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** A digest to which the caller adds the content chunk by chunk. */
export interface Digest {
  /**
   * Adds the bytes. If `update` returns a promise, the caller must wait for it before the next call. Usually `update`
   * returns undefined, because one promise per chunk would cost as much as the digest itself.
   */
  update(chunk: Buffer): Promise<void> | undefined;
  /** Returns the digest in hexadecimal. After this call, nothing can be added. */
  value(): Promise<string>;
  /** Frees the resources. Promises that are still pending never settle. */
  close(): void;
}

/**
 * Minimum size, in bytes, of content whose digest a thread computes. For smaller content, the start of the thread would
 * take more time than the thread saves.
 */
const THREAD_THRESHOLD = 32 * 1024 * 1024;
/** Size in bytes of the pieces in which content is sent to the thread. */
const PIECE = 1024 * 1024;
/** Number of pieces in memory. The thread returns the memory of each piece, which is then used for further content. */
const PIECES = 8;

/** A message to the thread: a buffer with `length` bytes of content, or the request for the digest. */
type DigestRequest = { buffer: ArrayBuffer; length: number } | 'digest';
/** A message from the thread: the buffer, which can be filled again, or the digest in hexadecimal. */
type DigestReply = { buffer: ArrayBuffer } | { digest: string };

/**
 * The program of the thread. It is text, because a thread can start from a file only if that file is compiled already.
 */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const hash = require('node:crypto').createHash(workerData);
  parentPort.on('message', (request) => {
    if (request === 'digest') return parentPort.postMessage({ digest: hash.digest('hex') });
    hash.update(new Uint8Array(request.buffer, 0, request.length));
    parentPort.postMessage({ buffer: request.buffer }, [request.buffer]);
  });
`;

/**
 * Creates a digest. A thread computes the digest of large content, or of content of unknown size, while this thread
 * reads, because SHA-512 takes as long as the transfer over a fast network.
 */
export function createDigest(algorithm: string, size: number | null): Digest {
  return size !== null && size < THREAD_THRESHOLD ? new InlineDigest(algorithm) : new ThreadedDigest(algorithm);
}

class InlineDigest implements Digest {
  private readonly hash: Hash;

  constructor(algorithm: string) {
    this.hash = createHash(algorithm);
  }

  update(chunk: Buffer): undefined {
    this.hash.update(chunk);
  }

  value(): Promise<string> {
    return Promise.resolve(this.hash.digest('hex'));
  }

  close(): void {
    // There is nothing to close: this digest uses only memory.
  }
}

class ThreadedDigest implements Digest {
  private readonly worker: Worker;
  private readonly free: ArrayBuffer[] = Array.from({ length: PIECES }, () => new ArrayBuffer(PIECE));
  private piece: { bytes: Uint8Array<ArrayBuffer>; length: number } | undefined;
  private freed: (() => void) | undefined;
  private done: ((digest: string) => void) | undefined;
  private failed: ((error: unknown) => void) | undefined;
  private failure: unknown;

  constructor(algorithm: string) {
    this.worker = new Worker(THREAD, { eval: true, execArgv: [], workerData: algorithm });
    this.worker.on('message', (reply: DigestReply) => this.receive(reply));
    this.worker.on('error', (error) => {
      this.failure = error;
      this.failed?.(error);
    });
  }

  private receive(reply: DigestReply): void {
    if ('digest' in reply) {
      this.done?.(reply.digest);
      return;
    }
    this.free.push(reply.buffer);
    this.freed?.();
  }

  update(chunk: Buffer): Promise<void> | undefined {
    if (this.piece !== undefined && this.piece.length + chunk.length < PIECE) {
      this.add(this.piece, chunk);
      return undefined;
    }
    return this.splitChunk(chunk);
  }

  /** Adds a chunk that fills the current piece or does not fit into it: splits the chunk, and sends each full piece. */
  private async splitChunk(chunk: Buffer): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const piece = (this.piece ??= { bytes: new Uint8Array(await this.takeFree()), length: 0 });
      const part = chunk.subarray(taken, taken + PIECE - piece.length);
      this.add(piece, part);
      taken += part.length;
      if (piece.length === PIECE) this.sendPiece();
    }
  }

  private add(piece: { bytes: Uint8Array; length: number }, part: Buffer): void {
    piece.bytes.set(part, piece.length);
    piece.length += part.length;
  }

  private async takeFree(): Promise<ArrayBuffer> {
    for (;;) {
      const buffer = this.free.pop();
      if (buffer !== undefined) return buffer;
      await this.wait<void>((resolve) => {
        this.freed = resolve;
      });
    }
  }

  private sendPiece(): void {
    if (this.piece === undefined) return;
    const { bytes, length } = this.piece;
    this.piece = undefined;
    this.send({ buffer: bytes.buffer, length }, [bytes.buffer]);
  }

  private send(request: DigestRequest, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(request, transfer);
  }

  /** Waits for the thread's reply; rejects when the thread fails. */
  private wait<T>(ask: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.failure !== undefined) reject(this.failure);
      this.failed = reject;
      ask(resolve);
    });
  }

  value(): Promise<string> {
    this.sendPiece();
    return this.wait<string>((resolve) => {
      this.done = resolve;
      this.send('digest');
    });
  }

  close(): void {
    void this.worker.terminate();
  }
}
