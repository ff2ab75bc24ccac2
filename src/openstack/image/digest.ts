import { createHash, type Hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** A digest of bytes as they pass. */
export interface Digest {
  /** Takes the bytes, now or, where it answers a promise, when that has resolved: a promise a chunk would cost as much as the digest. */
  update(chunk: Buffer): Promise<void> | undefined;
  /** In hexadecimal. Nothing can be added after it. */
  value(): Promise<string>;
  /** Ends it; what still waits then waits for ever. */
  close(): void;
}

/** Bytes from which on a thread is worth its start. */
const THREAD_THRESHOLD = 32 * 1024 * 1024;
/** Bytes of a piece that is handed to the thread, and how many pieces there are. */
const PIECE = 1024 * 1024;
const PIECES = 8;

/** What the thread is sent: a buffer with so many bytes in it, or the request for the digest. */
type DigestRequest = { buffer: ArrayBuffer; length: number } | 'digest';
/** What it sends back: the buffer, to be filled again, or the digest in hexadecimal. */
type DigestReply = { buffer: ArrayBuffer } | { digest: string };

/** The thread's program: text, because a thread starts from a file only where that is compiled already. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const hash = require('node:crypto').createHash(workerData);
  parentPort.on('message', (request) => {
    if (request === 'digest') return parentPort.postMessage({ digest: hash.digest('hex') });
    hash.update(new Uint8Array(request.buffer, 0, request.length));
    parentPort.postMessage({ buffer: request.buffer }, [request.buffer]);
  });
`;

/** A digest that is computed beside the reading, for large contents: SHA-512 is as slow as a fast network. */
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
    // It holds nothing but memory.
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

  /** Takes a chunk that needs more than the present piece. */
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

  /** What the thread will answer, unless it fails. */
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
