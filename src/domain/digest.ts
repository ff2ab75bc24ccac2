import { FactoryError } from './errors.js';

/** A digest that a file must have; `value` is in hexadecimal. */
export interface Digest {
  algorithm: 'sha256' | 'sha512';
  value: string;
}

/** Parses `sha256:<hex>` or `sha512:<hex>`, the form of digests in parameters. */
export function parseDigest(text: string): Digest {
  const match = /^(sha256|sha512):([0-9a-f]+)$/i.exec(text.trim());
  const length = match?.[1]?.toLowerCase() === 'sha256' ? 64 : 128;
  if (match?.[1] === undefined || match[2]?.length !== length) {
    throw new FactoryError('InvalidParameter', `${JSON.stringify(text)} is not a digest`, {
      hint: 'write sha256:<64 hex digits> or sha512:<128 hex digits>',
    });
  }
  return { algorithm: match[1].toLowerCase() as Digest['algorithm'], value: match[2].toLowerCase() };
}
