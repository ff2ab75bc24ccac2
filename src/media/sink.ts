import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { FactoryError } from '../domain/errors.js';
import { checksumMismatchError } from './verify-checksum.js';
import { describeTransferError, mediaUnavailableError } from './failures.js';
import type { MediumStream } from './source.js';
import { redactUrl } from './urls.js';

export interface SinkOptions {
  url: string;
  /** Path of the file to write. The fetch overwrites an existing file, and removes the file when the fetch fails. */
  path: string;
  /** The expected digest: md5, sha1, sha224, sha256, sha384 or sha512, in hexadecimal. */
  expected?: { algorithm: string; value: string };
  /** Maximum size of the file, in bytes. */
  maxBytes: number;
  /**
   * Called with the number of bytes so far, and with the total if the server has sent it; at most four times a second.
   */
  onProgress?: (done: number, total?: number) => void;
}

const ALGORITHMS = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']);
const REPORT_INTERVAL = 250;

/** Writes the bytes of a transfer to a file, computes their digest and enforces the size limit. */
export class FileSink {
  /** Number of bytes written so far. */
  done = 0;
  private reported = 0;
  private size: number | undefined;
  private sha256 = createHash('sha256');
  private expectedHash: Hash | undefined;

  /** @throws FactoryError InvalidParameter when the algorithm of the expected digest is not supported */
  constructor(
    private readonly options: SinkOptions,
    private readonly file: FileHandle,
  ) {
    const { expected } = options;
    if (expected === undefined || ALGORITHMS.has(expected.algorithm)) return;
    throw new FactoryError(
      'InvalidParameter',
      `${JSON.stringify(expected.algorithm)} is not a supported digest algorithm`,
      {
        hint: `use one of ${[...ALGORITHMS].join(', ')}`,
      },
    );
  }

  /**
   * Writes all bytes of a body to the file. With offset 0, the file is emptied first; otherwise the body continues the
   * file.
   */
  async receive({ offset, size, body }: MediumStream): Promise<void> {
    const { url, maxBytes } = this.options;
    if (offset === 0) await this.startOver();
    this.reported = 0;
    this.size = size;
    if ((size ?? 0) > maxBytes) throw tooLargeError(url, `${size}`, maxBytes);
    try {
      for await (const chunk of body) await this.writeChunk(chunk);
    } catch (error) {
      throw this.toTransferError(error);
    }
    if (size !== undefined && this.done !== size) throw this.toTransferError();
  }

  /** Checks the expected digest, and returns the SHA-256. @throws FactoryError ChecksumMismatch with both digests */
  finish(): { sha256: string; size: number } {
    const { url, expected, onProgress } = this.options;
    onProgress?.(this.done, this.done);
    const sha256 = this.sha256.digest('hex');
    const actual = this.expectedHash?.digest('hex') ?? sha256;
    if (expected !== undefined && actual !== expected.value.toLowerCase()) {
      throw checksumMismatchError(redactUrl(url), expected.algorithm, actual, expected.value.toLowerCase());
    }
    return { sha256, size: this.done };
  }

  private async startOver(): Promise<void> {
    const { expected } = this.options;
    this.done = 0;
    this.sha256 = createHash('sha256');
    this.expectedHash =
      expected === undefined || expected.algorithm === 'sha256' ? undefined : createHash(expected.algorithm);
    await this.file.truncate(0);
  }

  private async writeChunk(chunk: Uint8Array): Promise<void> {
    const { url, maxBytes, onProgress } = this.options;
    if (this.done + chunk.length > maxBytes) throw tooLargeError(url, `more than ${maxBytes}`, maxBytes);
    this.sha256.update(chunk);
    this.expectedHash?.update(chunk);
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await this.file.write(chunk, written, chunk.length - written, this.done + written);
      written += bytesWritten;
    }
    this.done += chunk.length;
    if (onProgress === undefined || Date.now() - this.reported < REPORT_INTERVAL) return;
    this.reported = Date.now();
    onProgress(this.done, this.size);
  }

  /** Converts an error during the transfer into a FactoryError. `error` is unset when the body was too short. */
  private toTransferError(error?: unknown): FactoryError {
    if (error instanceof FactoryError) return error;
    if (error !== undefined && isFileSystemError(error)) return writeFailedError(this.options.path, error);
    const all = this.size === undefined ? '' : ` of ${this.size}`;
    const why = error === undefined ? 'the transfer ended early' : describeTransferError(error);
    return mediaUnavailableError(this.options.url, `${why}, after ${this.done}${all} bytes`, {
      retryable: true,
      cause: error,
    });
  }
}

function tooLargeError(url: string, size: string, limit: number): FactoryError {
  return mediaUnavailableError(url, `the file has ${size} bytes; the limit is ${limit} bytes`);
}

/**
 * Checks whether an error means that the file system cannot take more bytes, for example because the disk is full. The
 * `syscall` of such an error is `write`. A network error has no `syscall`, or the `syscall` is `read`.
 */
function isFileSystemError(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return syscall === 'write' && (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'EFBIG');
}

function writeFailedError(path: string, error: unknown): FactoryError {
  return new FactoryError('StoreFailed', `cannot write ${path}: ${(error as Error).message}`, {
    retryable: true,
    cause: error,
  });
}
