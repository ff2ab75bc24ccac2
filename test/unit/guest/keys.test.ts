import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ssh2 from 'ssh2';
import { formatFingerprint, generateKeyPair, generateRsaKeyPair } from '../../../src/guest/keys.js';

describe('generateKeyPair', () => {
  it('always makes ed25519 pairs that ssh2 can read', () => {
    for (let round = 0; round < 300; round++) {
      const { privateKey, publicKey } = generateKeyPair();
      assert.match(publicKey, /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43} imagefactory$/);
      const secret = ssh2.utils.parseKey(privateKey);
      assert.ok(!(secret instanceof Error));
      assert.equal(secret.getPublicSSH().toString('base64'), publicKey.split(' ')[1]);
    }
  });
});

describe('generateRsaKeyPair', () => {
  it('makes a pair of 3072 bits that can sign with SHA-1 and SHA-256, also after a copy through JSON', async () => {
    const made = await generateRsaKeyPair();
    const { privateKey, publicKey } = JSON.parse(JSON.stringify(made)) as typeof made;
    const [, blob = ''] = /^ssh-rsa (AAAAB3NzaC1yc2EAAAADAQABAAABgQ\S+) imagefactory$/.exec(publicKey) ?? [];
    // Each of the three fields begins with 4 bytes for its length. The contents are 7 bytes for the name, 3 for the
    // exponent, and 1 (a zero) + 384 for the modulus.
    assert.equal(Buffer.from(blob, 'base64').length, 407);
    assert.match(privateKey, /^-----BEGIN RSA PRIVATE KEY-----\n/);
    const [secret, open] = [ssh2.utils.parseKey(privateKey), ssh2.utils.parseKey(publicKey)];
    assert.ok(!(secret instanceof Error) && !(open instanceof Error));
    assert.deepEqual(secret.getPublicSSH(), open.getPublicSSH());
    for (const algorithm of ['sha1', 'sha256']) {
      const signature = secret.sign(Buffer.from('probe'), algorithm);
      assert.ok(signature instanceof Buffer);
      assert.equal(open.verify(Buffer.from('probe'), signature, algorithm), true);
      assert.equal(open.verify(Buffer.from('other'), signature, algorithm), false);
    }
  });
});

describe('fingerprint', () => {
  it('is what ssh-keygen -l prints', () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkGbGbIDZRjtnszYLPgHzT5YueumEv1JZPKO4Db2YC8 imagefactory';
    assert.equal(formatFingerprint(key), 'SHA256:6gaEP8WgEL8K2gD/IAz1vrDnmA/IhL5MXgqdsoMFjUU');
    assert.equal(formatFingerprint(key.replace(' imagefactory', '')), formatFingerprint(key));
  });
});
