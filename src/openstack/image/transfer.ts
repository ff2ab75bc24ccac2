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
 * Reads the digest of an image: `os_hash_algo` and `os_hash_value` if we can compute that algorithm, else the MD5 in
 * `checksum`. Returns undefined if the image's store has reported no digest
 * (https://docs.openstack.org/api-ref/image/v2/#show-image).
 */
export function readExpectedDigest(image: Image): ExpectedDigest | undefined {
  const algorithm = image.os_hash_algo;
  if (algorithm && image.os_hash_value && getHashes().includes(algorithm)) {
    return { algorithm, value: image.os_hash_value };
  }
  return image.checksum ? { algorithm: 'md5', value: image.checksum } : undefined;
}

/**
 * Passes bytes on. Fails at the end of the stream when the size or the digest differs from what Glance has recorded.
 */
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
    return contentMismatchError(
      `${this.what} has the ${algorithm} digest ${value ?? ''}; Glance has recorded ${promised}`,
    );
  }
}

/** Creates the error for a wrong size or digest. It is retryable, because another download may be complete. */
function contentMismatchError(message: string): FactoryError {
  return new FactoryError('ChecksumMismatch', message, { retryable: true });
}

/**
 * Returns a stream that passes on the bytes of `data`, and checks size and digest at its end. `toError` converts the
 * errors of `data`.
 */
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
 * Returns a stream that passes on the bytes of `data`, and reports their number so far to `onProgress`. The stream
 * fails when `data` fails; when the stream is destroyed, `data` is destroyed too.
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
  // The callback ignores the error, because the reader of `counter` receives it.
  return pipeline(data, counter, () => undefined);
}
