import { createMessage, readCleartextMessage, readKeys, readSignature, verify, type PublicKey } from 'openpgp';
import { FactoryError } from '../domain/errors.js';
import { fetchContent, decodeText, type FetchOptions } from './text.js';
import { redactUrl } from './urls.js';

/** Endings that distributions append to a file's name for its detached signature, the most common first. */
const ENDINGS = ['.gpg', '.asc', '.sign', '.sig'];
/** Maximum size of a signature file, in bytes. */
const LARGEST_SIGNATURE = 256 * 1024;
const ARMOR = '-----BEGIN PGP';
/** Matches one block of armored public keys. */
const KEY_BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;
const CLEARTEXT = /^-----BEGIN PGP SIGNED MESSAGE-----\r?$/m;

export interface SignedTextOptions extends FetchOptions {
  /** Armored public keys: one of them must have signed the text. When undefined, we check no signature. */
  keys: string | undefined;
}

/** A text, and the URL that answered, after redirects. */
export interface SignedText {
  text: string;
  finalUrl: string;
}

/**
 * Fetches a text and checks its signature. The signature is part of the text (RFC 9580, section 7: Fedora's CHECKSUM
 * files), or in another file in the same folder (Ubuntu's SHA256SUMS.gpg, SUSE's CHECKSUMS.asc, Debian's
 * SHA512SUMS.sign).
 *
 * @throws FactoryError MediaUnavailable as `fetchText`; InvalidParameter when `keys` has no public keys;
 *   SignatureInvalid when none of the keys has signed the text
 */
export async function fetchSigned(url: string, { keys, ...options }: SignedTextOptions): Promise<SignedText> {
  const { bytes, finalUrl } = await fetchContent(url, options);
  const text = decodeText(url, bytes);
  if (keys === undefined) return { text, finalUrl };
  const verificationKeys = await parsePublicKeys(keys);
  if (CLEARTEXT.test(text)) return { text: await readSignedPart(url, text, verificationKeys), finalUrl };
  // Fetch the signature from the server that sent the file: a redirector may send the next request to another mirror.
  const signature = await fetchSignature(finalUrl, { ...options, maxBytes: LARGEST_SIGNATURE });
  if (signature === undefined)
    throw notSignedError(
      url,
      `the file contains no signature, and no signature file is beside it (${ENDINGS.join(', ')})`,
    );
  await checkSignatures(url, async () => {
    const message = await createMessage({ binary: new Uint8Array(bytes) });
    const armored = signature.toString('latin1').trimStart().startsWith(ARMOR);
    const read = armored
      ? await readSignature({ armoredSignature: signature.toString('latin1') })
      : await readSignature({ binarySignature: new Uint8Array(signature) });
    return verify({ message, signature: read, verificationKeys });
  });
  return { text, finalUrl };
}

/** Reads armored public keys. @throws FactoryError InvalidParameter when the text has none */
async function parsePublicKeys(armored: string): Promise<PublicKey[]> {
  try {
    const blocks = armored.match(KEY_BLOCK) ?? [];
    const keys = await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })));
    if (keys.length > 0) return keys.flat();
  } catch {
    // The error is thrown below.
  }
  throw new FactoryError('InvalidParameter', 'the parameter checksum_key is not an OpenPGP public key', {
    hint: 'write the key to a file with gpg --armor --export KEY, and give --file-parameter checksum_key FILE',
  });
}

/**
 * Checks the signature of a cleartext-signed text, and returns only the signed part: the rest of the text is not
 * signed.
 */
async function readSignedPart(url: string, text: string, verificationKeys: PublicKey[]): Promise<string> {
  let part = '';
  await checkSignatures(url, async () => {
    const message = await readCleartextMessage({ cleartextMessage: text });
    part = message.getText();
    return verify({ message, verificationKeys });
  });
  return part;
}

async function fetchSignature(url: string, options: FetchOptions): Promise<Buffer | undefined> {
  for (const ending of ENDINGS) {
    try {
      return (await fetchContent(`${url}${ending}`, options)).bytes;
    } catch (error) {
      if (!(error instanceof FactoryError) || error.retryable) throw error;
    }
  }
  return undefined;
}

type VerificationResult = { signatures: { verified: Promise<true>; keyID: { toHex(): string } }[] };

/** Checks the signatures. @throws FactoryError SignatureInvalid when none of them was made with one of the keys */
async function checkSignatures(url: string, verified: () => Promise<VerificationResult>): Promise<void> {
  const reasons: string[] = [];
  try {
    for (const { verified: valid, keyID } of (await verified()).signatures) {
      const problem = await valid.then(
        () => undefined,
        (error: Error) => `by key ${keyID.toHex()}: ${error.message}`,
      );
      if (problem === undefined) return;
      reasons.push(problem);
    }
  } catch (error) {
    reasons.push((error as Error).message);
  }
  throw notSignedError(
    url,
    reasons.length === 0 ? 'no signature was found in the signed text or the signature file' : reasons.join('; '),
  );
}

function notSignedError(url: string, why: string): FactoryError {
  return new FactoryError('SignatureInvalid', `${redactUrl(url)} is not signed with a key in checksum_key: ${why}`, {
    hint: 'set checksum_key to the key with which the distribution signs its checksums, or leave out checksum_key',
  });
}
