import { createHash, generateKeyPair as generateWith } from 'node:crypto';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { FactoryError } from '../domain/errors.js';

/**
 * An SSH key pair in OpenSSH's format: the private key's PEM text, and the public key's line, which begins with its
 * type.
 */
export interface SshKeyPair {
  privateKey: string;
  publicKey: string;
}

/** The comment at the end of our public key lines. */
const COMMENT = 'imagefactory';

/** Reads the base64 field of a public key line. All lines of the same key have the same field. */
export function readKeyBlob(publicKey: string): string {
  const blob = publicKey.trim().split(/\s+/)[1];
  if (blob === undefined) throw new FactoryError('Internal', 'the public key is not a line in the OpenSSH format');
  return blob;
}

/** Formats a key's fingerprint as `ssh-keygen -l` prints it: `SHA256:` and unpadded base64. */
export function formatFingerprint(publicKey: string): string {
  return formatBlobFingerprint(Buffer.from(readKeyBlob(publicKey), 'base64'));
}

/** Formats the fingerprint of a key in SSH's binary format (RFC 4253, section 6.6). */
export function formatBlobFingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Size in bytes of an ed25519 public key in SSH's binary format (RFC 8709): a length field (4 bytes) and the name (11
 * bytes), then a length field (4 bytes) and the key (32 bytes).
 */
const ED25519_BLOB = 51;

function isUsable(pair: SshKeyPair): boolean {
  const secret = ssh2.utils.parseKey(pair.privateKey);
  const open = ssh2.utils.parseKey(pair.publicKey);
  if (secret instanceof Error || open instanceof Error) return false;
  if (open.getPublicSSH().length !== ED25519_BLOB || !open.getPublicSSH().equals(secret.getPublicSSH())) return false;
  const probe = Buffer.from('probe');
  const signature = secret.sign(probe);
  return signature instanceof Buffer && open.verify(probe, signature) === true;
}

/** Generates an ed25519 key pair in OpenSSH's format, without a passphrase. */
export function generateKeyPair(): SshKeyPair {
  // ssh2 1.17.0 generates an unusable pair about once in 200 times (it loses a leading zero byte), so we test each
  // pair.
  for (let tries = 0; tries < 20; tries++) {
    // eslint-disable-next-line no-restricted-syntax -- the loop tests each pair
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519', {
      comment: COMMENT,
    });
    if (isUsable({ privateKey, publicKey })) return { privateKey, publicKey };
  }
  throw new FactoryError('Internal', 'could not generate a usable ed25519 key in 20 attempts');
}

/** Bits of an RSA key. NIST SP 800-57 allows this length beyond 2030, and OpenSSH 3 already supports it. */
const RSA_BITS = 3072;

/**
 * Generates an RSA key pair in the PEM format that every OpenSSH reads. This takes about a second, and does not block
 * the event loop.
 */
export async function generateRsaKeyPair(): Promise<SshKeyPair> {
  const { privateKey } = await promisify(generateWith)('rsa', {
    modulusLength: RSA_BITS,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new FactoryError('Internal', 'could not generate a usable RSA key');
  return { privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${COMMENT}` };
}
