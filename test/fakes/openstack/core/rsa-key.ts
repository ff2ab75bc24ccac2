import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';

/** A new RSA key pair as OpenSSH has it. */
export function rsaKeyPair(comment: string): { privateKey: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return { privateKey, publicKey: `ssh-rsa ${parsed.getPublicSSH().toString('base64')} ${comment}` };
}
