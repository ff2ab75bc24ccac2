import type { Digest } from './indexed-file.js';

/**
 * Parses the digests of a `content` file, by path. SUSE's media had this file at their root before Leap 15 and SLES 15.
 * Its lines are `HASH SHA256 <hex>  <path>`, with `META` or `KEY` in place of `HASH` for the files in certain folders.
 * https://en.opensuse.org/openSUSE:Standards_YaST2_Repository_Metadata
 */
export function parseContentDigests(text: string): Map<string, Digest> {
  const digests = new Map<string, Digest>();
  for (const line of text.split(/\r?\n/)) {
    const [, algorithm, value, path] =
      /^(?:HASH|META|KEY) (SHA1|SHA256|SHA512) +([0-9a-f]+) +(\S.*)$/i.exec(line) ?? [];
    if (algorithm === undefined || value === undefined || path === undefined) continue;
    digests.set(path, { algorithm: algorithm.toLowerCase(), value: value.toLowerCase() });
  }
  return digests;
}
