import { FactoryError } from '../domain/errors.js';
import { fetchSigned, type SignedTextOptions } from './signature.js';
import { readFileName, redactUrl } from './urls.js';

/** One line of a checksum file. */
export interface Checksum {
  algorithm: 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
  /** Hexadecimal, lower case. */
  value: string;
  /** The file's path, as the checksum file writes it; empty if the line has only a digest. */
  name: string;
}

/** Maximum size of a checksum file, in bytes. */
const LARGEST = 16 * 1024 * 1024;

const BY_LENGTH: Partial<Record<number, Checksum['algorithm']>> = {
  32: 'md5',
  40: 'sha1',
  56: 'sha224',
  64: 'sha256',
  96: 'sha384',
  128: 'sha512',
};

/**
 * Matches `SHA256 (name) = hex`, as BSD's md5 and sha256 and `sha256sum --tag` write it, and `SHA256(name)= hex`, as
 * `openssl dgst` writes it. Since OpenSSL 3, `openssl dgst` writes `SHA2-256`.
 */
const BSD_LINE = /^(MD5|SHA1|SHA(?:2-)?(?:224|256|384|512)) ?\((.+)\) ?= ?([0-9a-f]+)$/i;
/**
 * Matches `hex  name` or `hex *name`. A leading backslash means that the name is escaped (GNU coreutils, "md5sum
 * invocation").
 */
const GNU_LINE = /^(\\?)([0-9a-f]+)(?: [ *](.+)|\s+(\S.*))?$/i;

/** Reads the checksums of a file, in both formats. Ignores signatures, comments and all other lines. */
export function parseChecksums(text: string): Checksum[] {
  return text.split(/\r?\n/).flatMap((line) => parseLine(line.trimEnd()) ?? []);
}

function parseLine(line: string): Checksum | undefined {
  const [, name, path, hex] = BSD_LINE.exec(line) ?? [];
  if (name !== undefined && path !== undefined && hex !== undefined) {
    const algorithm = name.toLowerCase().replace('sha2-', 'sha') as Checksum['algorithm'];
    return BY_LENGTH[hex.length] === algorithm ? { algorithm, value: hex.toLowerCase(), name: path } : undefined;
  }
  const [, escaped, digest, strict, loose] = GNU_LINE.exec(line) ?? [];
  const algorithm = BY_LENGTH[digest?.length ?? 0];
  if (digest === undefined || algorithm === undefined) return undefined;
  const file = strict ?? loose ?? '';
  return { algorithm, value: digest.toLowerCase(), name: escaped === '\\' ? unescapeName(file) : file };
}

function unescapeName(name: string): string {
  return name.replace(/\\([\\nr])/g, (_whole, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter);
}

/**
 * Finds the checksum of the file at the path `name`. Uses the line with this path. Without such a line, uses the lines
 * with the same file name in any folder, if all of them have the same checksum. Otherwise uses the only checksum in the
 * text, if its line has no name. Returns undefined when no line fits.
 */
export function findChecksum(text: string, name: string, algorithm?: Checksum['algorithm']): Checksum | undefined {
  const all = parseChecksums(text).filter((entry) => algorithm === undefined || entry.algorithm === algorithm);
  const plain = (path: string): string => path.replace(/^\.\//, '');
  const exact = all.find((entry) => plain(entry.name) === plain(name));
  if (exact !== undefined) return exact;
  const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const named = all.filter((entry) => base(entry.name) === base(name));
  if (named.length > 0) return new Set(named.map(({ value }) => value)).size === 1 ? named[0] : undefined;
  return all.length === 1 && all[0]?.name === '' ? all[0] : undefined;
}

/** A checksum file, and the medium whose checksum we want. */
export interface ChecksumRequest extends Pick<SignedTextOptions, 'signal' | 'access' | 'keys'> {
  url: string;
  /** URL of the medium. */
  medium: string;
  algorithm: Checksum['algorithm'];
}

/**
 * Fetches the checksum file that a template names, and finds the medium's checksum in it.
 *
 * @throws FactoryError MediaUnavailable and SignatureInvalid as `fetchSigned`; ChecksumMismatch if the file does not
 *   list the medium
 */
export async function fetchChecksum({ url, medium, algorithm, ...options }: ChecksumRequest): Promise<Checksum> {
  const { text } = await fetchSigned(url, { maxBytes: LARGEST, ...options });
  const name = readFileName(medium);
  const found =
    findChecksum(text, name, algorithm) ??
    (isNamedAfterMedium(url, medium) ? findOnlyChecksum(text, algorithm) : undefined);
  if (found !== undefined) return found;
  throw new FactoryError(
    'ChecksumMismatch',
    `the checksum file ${redactUrl(url)} has no ${algorithm} checksum of ${name}`,
    {
      hint: 'write into the template the URL of the checksum file in the same folder as the medium, or set the parameter iso_checksum',
    },
  );
}

/**
 * Checks whether the URL of a checksum file is the medium's URL plus an ending, such as `x.iso.sha256` for `x.iso`.
 * Such a file belongs to that medium alone, even if it lists another name. It may list another name, because openSUSE's
 * `…-Current.iso` are links to the snapshot of the day.
 */
function isNamedAfterMedium(url: string, medium: string): boolean {
  const [file, of] = [new URL(url), new URL(medium)];
  const ending = file.pathname.startsWith(of.pathname) ? file.pathname.slice(of.pathname.length) : '';
  return file.protocol === of.protocol && file.host === of.host && /^\.[^/]+$/.test(ending);
}

/** Returns the checksum of a checksum file that lists only one, if that checksum has the wanted algorithm. */
function findOnlyChecksum(text: string, algorithm: Checksum['algorithm']): Checksum | undefined {
  const [only, ...others] = parseChecksums(text);
  return others.length === 0 && only?.algorithm === algorithm ? only : undefined;
}
