import { MASK } from '../../domain/mask.js';

/**
 * Matches the password in scheme://user:password@host (RFC 3986, section 3.2.1). The password ends at the last `@`,
 * because a password may contain an unencoded `@`.
 */
// The repetitions have limits. Without them, the time for a long text of such characters would grow with the square of
// its length.
const USERINFO = /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#@:"'<>]{0,200}:)([^\s/?#"'<>]{1,500})(@)/gi;

/** Matches the password of a proxy whose address has no scheme, as anaconda and shells accept it. */
const PROXY = /(proxy(?:=|[ \t]{1,8})["']?[^\s/?#@:"'<>=]{1,200}:)([^\s/?#"'<>]{1,500})(@)/gi;

/** Finds the passwords of all addresses in a text, both as written and decoded, without duplicates. */
export function findAddressPasswords(text: string): string[] {
  const found = [USERINFO, PROXY].flatMap((pattern) => [...text.matchAll(pattern)]);
  return [...new Set(found.flatMap(([, , password = '']) => [password, decodePercents(password)]))];
}

/** Masks the password of every address in a text. */
export function maskAddressPasswords(text: string): string {
  return [USERINFO, PROXY].reduce((rest, pattern) => rest.replace(pattern, `$1${MASK}$3`), text);
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
