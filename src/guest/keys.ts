import { createHash, generateKeyPair as generateWith } from 'node:crypto';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { FactoryError } from '../domain/errors.js';

/** An SSH key pair as OpenSSH writes it: the private key's PEM text and the public key's line, which names its type first. */
export interface SshKeyPair {
  privateKey: string;
  publicKey: string;
}

/** What stands behind the key in the public lines of our keys. */
const COMMENT = 'imagefactory';

/** The base64 field of a public key line: what two lines of the same key have in common. */
export function readKeyBlob(publicKey: string): string {
  const blob = publicKey.trim().split(/\s+/)[1];
  if (blob === undefined) throw new FactoryError('Internal', 'not an OpenSSH public key line');
  return blob;
}

/** Fingerprint as `ssh-keygen -l` prints it: `SHA256:` and unpadded base64. */
export function formatFingerprint(publicKey: string): string {
  return formatBlobFingerprint(Buffer.from(readKeyBlob(publicKey), 'base64'));
}

/** Fingerprint of a key as it stands on the wire (RFC 4253, section 6.6). */
export function formatBlobFingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Bytes of an ed25519 public key on the wire (RFC 8709): 4 + 11 for the name, 4 + 32 for the key. */
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

/** A new ed25519 key pair in OpenSSH's format, without a passphrase. */
export function generateKeyPair(): SshKeyPair {
  // ssh2 1.17.0 makes an unusable pair about once in two hundred times (a leading zero byte is lost), so each is tried.
  for (let tries = 0; tries < 20; tries++) {
    // eslint-disable-next-line no-restricted-syntax -- here each is tried
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519', {
      comment: COMMENT,
    });
    if (isUsable({ privateKey, publicKey })) return { privateKey, publicKey };
  }
  throw new FactoryError('Internal', 'could not make a usable ed25519 key in 20 tries');
}

/** Bits of an RSA key: NIST SP 800-57 has them for up to 2030 and longer; OpenSSH 3 took them already. */
const RSA_BITS = 3072;

/** A new RSA key pair, in the PEM format that every OpenSSH reads. It takes a second: the event loop does not wait for it. */
export async function generateRsaKeyPair(): Promise<SshKeyPair> {
  const { privateKey } = await promisify(generateWith)('rsa', {
    modulusLength: RSA_BITS,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new FactoryError('Internal', 'could not make a usable RSA key');
  return { privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${COMMENT}` };
}
