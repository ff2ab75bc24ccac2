import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConsoleHostKeys } from '../../../src/guest/console-keys.js';
import { generateKeyPair } from '../../../src/guest/keys.js';

const bare = (): string => generateKeyPair().publicKey.split(' ').slice(0, 2).join(' ');

function block(...lines: string[]): string {
  return ['-----BEGIN SSH HOST KEY KEYS-----', ...lines, '-----END SSH HOST KEY KEYS-----'].join('\r\n');
}

describe('readConsoleHostKeys', () => {
  it('finds the keys between other output', () => {
    const key = bare();
    assert.deepEqual(readConsoleHostKeys(`[    1.0] Linux\r\n${block(`${key} root@guest`)}\r\nguest login: `), [key]);
  });

  it('finds keys behind time stamps and names of services', () => {
    const key = bare();
    assert.deepEqual(
      readConsoleHostKeys(block(`[   12.345678] cloud-init[567]: ${key} root@guest`, '[   12.4] audit: noise')),
      [key],
    );
  });

  it('finds the DSA keys of old systems', () => {
    const blob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-dss'), Buffer.alloc(40, 1)]);
    const key = `ssh-dss ${blob.toString('base64')}`;
    assert.deepEqual(readConsoleHostKeys(block(`${key} root@guest`)), [key]);
  });

  it('returns the keys of the last boot', () => {
    const [old, now] = [bare(), bare()];
    assert.deepEqual(readConsoleHostKeys(`${block(old)}\n${block(now, now)}`), [now]);
  });

  it('returns no keys when the block is missing, incomplete, or has no valid keys', () => {
    const key = bare();
    assert.deepEqual(readConsoleHostKeys(''), []);
    assert.deepEqual(readConsoleHostKeys(key), []);
    assert.deepEqual(readConsoleHostKeys(`-----BEGIN SSH HOST KEY KEYS-----\n${key}\n`), []);
    assert.deepEqual(
      readConsoleHostKeys(block('ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQAB', `ssh-rsa ${key.split(' ')[1]}`)),
      [],
    );
  });
});
