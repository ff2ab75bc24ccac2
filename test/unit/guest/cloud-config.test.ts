import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parse } from 'yaml';
import { buildHostKeyUserData } from '../../../src/guest/cloud-config.js';
import { generateKeyPair, generateRsaKeyPair } from '../../../src/guest/keys.js';

it('the user data is a cloud-config that gives the guest exactly this host key', () => {
  const hostKey = generateKeyPair();
  const text = buildHostKeyUserData(hostKey);
  assert.match(text, /^#cloud-config\n/);
  assert.deepEqual(parse(text), {
    disable_root: false,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
  });
});

it('the user data has an RSA key under the name that the oldest cloud-init supports', async () => {
  const hostKey = await generateRsaKeyPair();
  const { ssh_keys: keys } = parse(buildHostKeyUserData(hostKey)) as { ssh_keys: unknown };
  assert.deepEqual(keys, { rsa_private: hostKey.privateKey, rsa_public: hostKey.publicKey });
});
