import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkGivenProvider } from '../../../../src/activities/push/check-given-provider.js';
import { AddressPolicy } from '../../../../src/media/addresses.js';
import type { WantedProvider } from '../../../../src/providers/providers.js';

const credentials = { username: 'u', password: 'p' };

function check(wanted: Omit<WantedProvider, 'name'>, allowed: string[] = []): Promise<void> {
  return checkGivenProvider({ addresses: new AddressPolicy(allowed) }, { name: 'mine', ...wanted });
}

describe('a provider that a user describes', () => {
  it('is the worker’s business alone when the worker’s configuration has it', async () => {
    await check({});
  });

  it('never gets the worker’s own credentials', async () => {
    await assert.rejects(
      check({ definition: { kind: 'ec2', endpoints: { ec2: 'https://198.51.100.7' } } }),
      /a provider that a file describes needs credentials/,
    );
  });

  it('may be at any address that a template may use', async () => {
    await check({ definition: { kind: 'vsphere', server: 'https://198.51.100.7' }, credentials });
    await check({ definition: { kind: 'vsphere', server: 'http://127.0.0.1:8989' }, credentials }, ['127.0.0.0/8']);
  });

  for (const [what, definition, message] of [
    [
      'the worker’s loopback address',
      { server: 'http://127.0.0.1:9292' },
      /server: 127\.0\.0\.1 leads to 127\.0\.0\.1/,
    ],
    ['a name of it', { server: 'http://localhost/' }, /server: localhost leads to/],
    ['the metadata service', { endpoints: { s3: 'http://169.254.169.254/' } }, /endpoints\.s3: .*169\.254\.169\.254/],
    ['IPv6', { server: 'http://[::1]:80/' }, /::1/],
    ['a folder of the worker', { url: 'file:///var/lib' }, /url: it is a file of the worker’s machine/],
    ['a file of the worker', { password_file: '/etc/shadow' }, /password_file: it names something of the worker/],
    ['a nested file of the worker', { storage: { key_file: '/etc/shadow' } }, /storage\.key_file: it names something/],
    ['a profile of the worker', { profile: 'admin' }, /profile: it names something/],
  ] as const) {
    it(`does not lead to ${what}`, async () => {
      await assert.rejects(check({ definition: { kind: 'files', ...definition }, credentials }), message);
    });
  }

  it('cannot be reached through the address in its credentials either', async () => {
    const own = { ...credentials, auth_url: 'http://169.254.169.254/v3' };
    await assert.rejects(check({ credentials: own }), /auth_url: 169\.254\.169\.254 leads to/);
  });
});
