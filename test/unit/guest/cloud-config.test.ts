import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parse } from 'yaml';
import { userDataWithHostKey } from '../../../src/guest/cloud-config.js';
import { generateKeyPair } from '../../../src/guest/keys.js';

it('is a cloud-config that gives the guest exactly the host key', () => {
  const hostKey = generateKeyPair();
  const text = userDataWithHostKey(hostKey);
  assert.match(text, /^#cloud-config\n/);
  assert.deepEqual(parse(text), {
    disable_root: false,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
  });
});
