import { MASK } from '../../domain/mask.js';

/**
 * Matches the body of a private key in PEM's form (RFC 7468), also where its line breaks are escaped. If the end is
 * missing, for example because a text was cut there, it matches as far as the characters can be of a key. The largest
 * keys have some ten thousand characters.
 */
const PRIVATE_KEY =
  /(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)((?:\r|\n|\\[rn])(?:[A-Za-z0-9+/=\s]|\\[nrt]|[A-Za-z-]{1,40}: [^\n\\]{0,100}){0,65536})/g;

/** Masks the body of every private key in a text. */
export function maskPrivateKeys(text: string): string {
  return text.replace(PRIVATE_KEY, (_found, begin: string, body: string) =>
    body.trim() === '' ? begin : begin + MASK,
  );
}
