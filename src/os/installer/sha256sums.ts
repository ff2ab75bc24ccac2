import type { Digest } from './indexed-file.js';

/**
 * Parses the digests of a `SHA256SUMS`, by path: lines of 64 hex digits, two characters (a space, then a space or
 * `*`) and a path, as sha256sum prints them. Other lines are skipped.
 */
export function parseSha256sums(text: string): Map<string, Digest> {
  const digests = new Map<string, Digest>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^([0-9a-f]{64}) [ *](\S.*)$/i.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      digests.set(match[2], { algorithm: 'sha256', value: match[1].toLowerCase() });
    }
  }
  return digests;
}
