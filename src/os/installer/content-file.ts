import type { Digest } from './indexed-file.js';

/**
 * The digests of a `content` file, which SUSE's media had at their root before Leap 15 and SLES 15: lines `HASH
 * SHA256 <hex>  <path>` (`META` and `KEY` for what is in certain folders).
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
