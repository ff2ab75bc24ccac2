import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateSealKeys, seal, unseal } from '../../../src/planning/sealed-credentials.js';

describe('sealed credentials', () => {
  const { publicKey, privateKey } = generateSealKeys();

  it('can be read with the private key', () => {
    assert.equal(unseal(seal('{"password":"geheim ä"}', publicKey), privateKey), '{"password":"geheim ä"}');
  });

  it('do not show their text, and look different each time', () => {
    const [one, other] = [seal('secret-password', publicKey), seal('secret-password', publicKey)];
    assert.notEqual(one, other);
    assert.ok(!Buffer.from(one, 'base64').includes('secret-password'));
  });

  it('cannot be read with another key', () => {
    assert.throws(() => unseal(seal('text', publicKey), generateSealKeys().privateKey));
  });

  it('cannot be changed unnoticed', () => {
    const bytes = Buffer.from(seal('text', publicKey), 'base64');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    assert.throws(() => unseal(bytes.toString('base64'), privateKey));
  });
});
