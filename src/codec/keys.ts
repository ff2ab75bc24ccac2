import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { FactoryError } from '../domain/errors.js';

/** The keys for payloads. The first key encrypts; each key decrypts the payloads that carry its id. */
export interface PayloadKeys {
  /** Id of the first key, which encrypts. */
  current: string;
  byId: ReadonlyMap<string, KeyObject>;
}

/** The environment variable with the keys: `id:key`, several of them separated by spaces, commas or line ends. */
export const KEYS_VARIABLE = 'IMAGEFACTORY_PAYLOAD_KEYS';

/** Bytes of an AES-256 key. */
const KEY_BYTES = 32;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Matches 32 bytes in padded base64. */
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;
const FORMAT_HINT = 'write id:key with a key of 32 bytes in base64, as `imagefactory codec new-key` prints it';

/** One `id:key`, and the place where it is written. Messages name the place. */
interface Entry {
  place: string;
  text: string;
}

/**
 * Reads a file of keys: one `id:key` per line; ignores empty lines and lines that begin with `#`.
 *
 * @throws FactoryError InvalidParameter when the file cannot be read, other users can read it, or a line is wrong
 */
export function readPayloadKeys(file: string): PayloadKeys {
  try {
    // A file that all users can read is not secret; a file that a group can write is not under our control.
    const { mode } = statSync(file);
    if ((mode & 0o027) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new FactoryError('InvalidParameter', `other users can access the payload keys in ${file} (mode ${octal})`, {
        hint: `run chmod 0600 ${file}, or chmod 0640 to let a group read it`,
      });
    }
    const lines = readFileSync(file, 'utf8').split('\n');
    const entries = lines.map((line, index) => ({ place: `${file}, line ${index + 1}`, text: line.trim() }));
    return parseKeys(
      entries.filter(({ text }) => text !== '' && !text.startsWith('#')),
      file,
    );
  } catch (error) {
    if (error instanceof FactoryError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new FactoryError('InvalidParameter', `the payload keys cannot be read from ${file} (${code})`, {
      hint: 'name a file that this user can read, or create one: imagefactory codec new-key > FILE; chmod 0600 FILE',
      cause: error,
    });
  }
}

/**
 * Reads the keys in the environment variable `IMAGEFACTORY_PAYLOAD_KEYS`; returns undefined when it has none.
 *
 * @throws FactoryError InvalidParameter when a key is wrong
 */
export function readPayloadKeysFromEnv(env: NodeJS.ProcessEnv): PayloadKeys | undefined {
  const texts = (env[KEYS_VARIABLE] ?? '').split(/[\s,]+/).filter((text) => text !== '');
  if (texts.length === 0) return undefined;
  return parseKeys(
    texts.map((text, index) => ({ place: `${KEYS_VARIABLE}, key ${index + 1}`, text })),
    KEYS_VARIABLE,
  );
}

/**
 * Generates a key, as a line for a key file. Without `id`, the id is the date and a random ending, so that ids sort by
 * age.
 */
export function generateKeyLine(id?: string): string {
  const own = id ?? `${new Date().toISOString().slice(0, 10)}-${randomBytes(2).toString('hex')}`;
  if (!ID.test(own))
    throw invalidKeysError(
      '--id',
      `${JSON.stringify(own)} is not a valid id: write up to 64 letters, digits, '.', '_' and '-'`,
    );
  return `${own}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

function parseKeys(entries: Entry[], source: string): PayloadKeys {
  const byId = new Map<string, KeyObject>();
  for (const { place, text } of entries) {
    const [id, key] = parseKey(place, text);
    if (byId.has(id)) throw invalidKeysError(place, `another key has the id ${id} already`);
    byId.set(id, key);
  }
  const [current] = byId.keys();
  if (current === undefined) throw invalidKeysError(source, 'there is no key');
  return { current, byId };
}

/** Parses `id:key`. No message quotes any part of a key. */
function parseKey(place: string, text: string): [string, KeyObject] {
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidKeysError(place, 'there is no colon between id and key');
  const id = text.slice(0, colon).trim();
  const encoded = text.slice(colon + 1).trim();
  if (!ID.test(id))
    throw invalidKeysError(
      place,
      `the text before the colon is not a valid id: write up to 64 letters, digits, '.', '_' and '-'`,
    );
  if (!BASE64.test(encoded)) {
    const { length } = Buffer.from(encoded, 'base64');
    const what =
      length === KEY_BYTES ? 'is not written as padded base64' : `has ${length} bytes instead of ${KEY_BYTES}`;
    throw invalidKeysError(place, `the key ${id} ${what}`);
  }
  return [id, createSecretKey(encoded, 'base64')];
}

function invalidKeysError(place: string, what: string): FactoryError {
  return new FactoryError('InvalidParameter', `payload keys: ${place}: ${what}`, { hint: FORMAT_HINT });
}
