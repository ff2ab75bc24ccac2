import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../domain/errors.js';

/** Computes the digest of a file, in hexadecimal. @throws the signal's reason on abort */
export async function computeFileDigest(path: string, algorithm: string, signal: AbortSignal): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/**
 * Compares a file's digest with the expected one.
 * @param what name of the file in the error message
 * @throws FactoryError ChecksumMismatch with both digests
 */
export async function checkDigest(
  path: string,
  what: string,
  { algorithm, value }: { algorithm: string; value: string },
  signal: AbortSignal,
): Promise<void> {
  const actual = await computeFileDigest(path, algorithm, signal);
  if (actual !== value.toLowerCase()) throw checksumMismatchError(what, algorithm, actual, value.toLowerCase());
}

/** Creates the error for a file that does not have the expected digest. */
export function checksumMismatchError(what: string, algorithm: string, actual: string, expected: string): FactoryError {
  return new FactoryError('ChecksumMismatch', `${what} has ${algorithm} ${actual}, expected ${expected}`, {
    hint: 'check whether the checksum belongs to this file: the checksum may be out of date, or the file was changed',
  });
}
