import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { FactoryError } from '../domain/errors.js';

/** The digest of a file, hexadecimal. @throws the signal's reason on abort */
export async function computeFileDigest(path: string, algorithm: string, signal: AbortSignal): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/**
 * Compares a file's digest with the one that it must have.
 * @param what what the file is, for people
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

/** What is said of bytes that are others than they should be. */
export function checksumMismatchError(what: string, algorithm: string, actual: string, expected: string): FactoryError {
  return new FactoryError('ChecksumMismatch', `${what} has ${algorithm} ${actual}, expected ${expected}`, {
    hint: 'the file or the checksum is out of date, or somebody has changed the file',
  });
}
