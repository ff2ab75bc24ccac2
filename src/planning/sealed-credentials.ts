import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

/*
 * Encrypts a text to a public key, so that only the owner of the private key can read it: X25519 with a key pair that
 * is made for one text (RFC 7748), HKDF with SHA-256 (RFC 5869), AES-256-GCM. All three are Node's own.
 */

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Bytes of an X25519 public key in SPKI form. */
const PUBLIC_BYTES = 44;

/** A key pair for {@link seal}: base64 of DER. */
export interface SealKeys {
  publicKey: string;
  privateKey: string;
}

export function generateSealKeys(): SealKeys {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
  };
}

/** Encrypts a text to a public key. Two calls with the same text give different results. */
export function seal(text: string, publicKey: string): string {
  const own = generateKeyPairSync('x25519');
  const theirs = createPublicKey({ key: Buffer.from(publicKey, 'base64'), type: 'spki', format: 'der' });
  const ownPublic = own.publicKey.export({ type: 'spki', format: 'der' });
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, deriveKey(own.privateKey, theirs, ownPublic), nonce);
  const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([ownPublic, nonce, cipher.getAuthTag(), content]).toString('base64');
}

/** Decrypts what {@link seal} has made. @throws Error when the key is another one, or the text was changed */
export function unseal(sealed: string, privateKey: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const senderPublic = bytes.subarray(0, PUBLIC_BYTES);
  const nonce = bytes.subarray(PUBLIC_BYTES, PUBLIC_BYTES + NONCE_BYTES);
  const tag = bytes.subarray(PUBLIC_BYTES + NONCE_BYTES, PUBLIC_BYTES + NONCE_BYTES + TAG_BYTES);
  const own = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), type: 'pkcs8', format: 'der' });
  const theirs = createPublicKey({ key: senderPublic, type: 'spki', format: 'der' });
  const cipher = createDecipheriv(CIPHER, deriveKey(own, theirs, senderPublic), nonce).setAuthTag(tag);
  const content = bytes.subarray(PUBLIC_BYTES + NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([cipher.update(content), cipher.final()]).toString('utf8');
}

function deriveKey(privateKey: KeyObject, publicKey: KeyObject, senderPublic: Buffer): Buffer {
  const shared = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', shared, senderPublic, 'imagefactory-nova credentials', KEY_BYTES));
}
