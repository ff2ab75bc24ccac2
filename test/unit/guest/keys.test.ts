import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ssh2 from 'ssh2';
import { fingerprint, generateKeyPair } from '../../../src/guest/keys.js';

describe('generateKeyPair', () => {
  it('makes ed25519 pairs that can sign, every time', () => {
    for (let round = 0; round < 300; round++) {
      const { privateKey, publicKey } = generateKeyPair();
      assert.match(publicKey, /^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43} imagefactory$/);
      const secret = ssh2.utils.parseKey(privateKey);
      assert.ok(!(secret instanceof Error));
      assert.equal(secret.getPublicSSH().toString('base64'), publicKey.split(' ')[1]);
    }
  });
});

describe('fingerprint', () => {
  it('is what ssh-keygen -l prints', () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkGbGbIDZRjtnszYLPgHzT5YueumEv1JZPKO4Db2YC8 imagefactory';
    assert.equal(fingerprint(key), 'SHA256:6gaEP8WgEL8K2gD/IAz1vrDnmA/IhL5MXgqdsoMFjUU');
    assert.equal(fingerprint(key.replace(' imagefactory', '')), fingerprint(key));
  });
});
