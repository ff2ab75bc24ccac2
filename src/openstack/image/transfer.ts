import { getHashes } from 'node:crypto';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import { type Digest, createDigest } from './digest.js';
import type { Image } from './types.js';

/** The digest that Glance has recorded for an image's bytes. */
export interface ExpectedDigest {
  algorithm: string;
  value: string;
}

/**
 * Reads `os_hash_algo` and `os_hash_value`, else the MD5 in `checksum`; undefined if the image's store has reported
 * none (https://docs.openstack.org/api-ref/image/v2/#show-image).
 */
export function readExpectedDigest(image: Image): ExpectedDigest | undefined {
  const algorithm = image.os_hash_algo;
  if (algorithm && image.os_hash_value && getHashes().includes(algorithm)) {
    return { algorithm, value: image.os_hash_value };
  }
  return image.checksum ? { algorithm: 'md5', value: image.checksum } : undefined;
}

/** Passes bytes on, and fails at their end when size or digest differ from what Glance has recorded. */
class Verifier extends Transform {
  private readonly digest: Digest | undefined;
  private bytes = 0;

  constructor(
    private readonly what: string,
    private readonly promised: ExpectedDigest | undefined,
    private readonly size: number | null,
  ) {
    super({ highWaterMark: 1024 * 1024 });
    this.digest = promised === undefined ? undefined : createDigest(promised.algorithm, size);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    const taken = this.digest?.update(chunk);
    if (taken === undefined) done(null, chunk);
    else taken.then(() => done(null, chunk), done);
  }

  override _flush(done: TransformCallback): void {
    this.findMismatch().then(done, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.digest?.close();
    done(error);
  }

  private async findMismatch(): Promise<FactoryError | null> {
    if (this.size !== null && this.bytes !== this.size) {
      return contentMismatchError(
        `${this.what} ended after ${this.bytes} bytes; Glance has recorded ${this.size} bytes`,
      );
    }
    const value = await this.digest?.value();
    if (this.promised === undefined || value === this.promised.value) return null;
    const { algorithm, value: promised } = this.promised;
    return contentMismatchError(`${this.what} has the ${algorithm} digest ${value ?? ''}; Glance promised ${promised}`);
  }
}

/** The error is retryable, because another download may be complete. */
function contentMismatchError(message: string): FactoryError {
  return new FactoryError('ChecksumMismatch', message, { retryable: true });
}

/** Returns the stream with a check of size and digest at its end. `toError` converts the errors of `data`. */
export function verifyContent(
  data: Readable,
  what: string,
  expected: { promised: ExpectedDigest | undefined; size: number | null },
  toError: (error: unknown) => Error,
): Readable {
  const verifier = new Verifier(what, expected.promised, expected.size);
  data.on('error', (error) => verifier.destroy(toError(error)));
  verifier.once('close', () => data.destroy());
  return data.pipe(verifier);
}

/**
 * Returns the stream with a count of the bytes that have passed. Destroying it destroys `data`; it fails when `data`
 * fails.
 */
export function countBytes(data: Readable, onProgress: (bytes: number) => void): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onProgress(bytes);
      done(null, chunk);
    },
  });
  // The reader of the counter sees the error.
  return pipeline(data, counter, () => undefined);
}
