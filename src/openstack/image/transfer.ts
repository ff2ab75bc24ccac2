import { getHashes } from 'node:crypto';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import { type Digest, createDigest } from './digest.js';
import type { Image } from './types.js';

/** The digest that Glance promises for an image's bytes; none for an image whose store never told it. */
export interface ExpectedDigest {
  algorithm: string;
  value: string;
}

/** `os_hash_algo`/`os_hash_value`, else the MD5 in `checksum` (https://docs.openstack.org/api-ref/image/v2/#show-image). */
export function readExpectedDigest(image: Image): ExpectedDigest | undefined {
  const algorithm = image.os_hash_algo;
  if (algorithm && image.os_hash_value && getHashes().includes(algorithm)) {
    return { algorithm, value: image.os_hash_value };
  }
  return image.checksum ? { algorithm: 'md5', value: image.checksum } : undefined;
}

/** Passes bytes on and fails at their end when they are not those that were promised. */
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
      return contentMismatchError(`${this.what} ended after ${this.bytes} bytes; Glance says that it has ${this.size}`);
    }
    const value = await this.digest?.value();
    if (this.promised === undefined || value === this.promised.value) return null;
    const { algorithm, value: promised } = this.promised;
    return contentMismatchError(`${this.what} has the ${algorithm} digest ${value ?? ''}; Glance promised ${promised}`);
  }
}

/** Another download may well be whole: what was read differs from what Glance has recorded, not from what a user wants. */
function contentMismatchError(message: string): FactoryError {
  return new FactoryError('ChecksumMismatch', message, { retryable: true });
}

/** The stream with its digest verified at the end; its failures go through `toError`. */
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

/** The stream, telling how many bytes have gone through. Destroying it destroys its source, whose failure is its own. */
export function countBytes(data: Readable, onProgress: (bytes: number) => void): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onProgress(bytes);
      done(null, chunk);
    },
  });
  // Whoever reads the counter sees its failure.
  return pipeline(data, counter, () => undefined);
}
