import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesSchema } from '../../../../src/providers/files/configuration.js';

const RIGHT: readonly object[] = [
  { url: 'file:///srv/images' },
  { url: 'file:///srv/images/', public_url: 'https://images.example.org' },
  { url: 's3://images', region: 'eu-central-1' },
  { url: 's3://images', endpoint: 'http://127.0.0.1:9000' },
  { url: 's3://images/team/x', endpoint: 'https://ceph.example.org', path_style: true, profile: 'team', ca: 'ca.pem' },
  { url: 'https://dav.example.org/images', user: 'u', password_file: 'secret', verify: 'read' },
  { url: 'https://dav.example.org/images', token_file: 'token' },
  { url: 'http://127.0.0.1:8080/images' },
];

const WRONG: readonly [entry: object, key: string][] = [
  [{ url: 's3://images', endpoint: 'http://ceph.example.org' }, 'endpoint'],
  [{ url: 's3://images', endpoint: 'http://localhost.example.org' }, 'endpoint'],
  [{ url: '/srv/images' }, 'url'],
  [{ url: 'file://srv/images' }, 'url'],
  [{ url: 's3://Images_1' }, 'url'],
  [{ url: 'http://dav.example.org/images' }, 'url'],
  [{ url: 'https://user:secret@dav.example.org/images' }, 'url'],
  [{ url: 'https://dav.example.org/images?token=x' }, 'url'],
  [{ url: 'file:///srv/images', region: 'eu-central-1' }, 'region'],
  [{ url: 's3://images', password_file: 'secret' }, 'password_file'],
  [{ url: 'https://dav.example.org', user: 'u' }, 'password_file'],
  [{ url: 'https://dav.example.org', password_file: 'secret' }, 'password_file'],
  [{ url: 'https://dav.example.org', user: 'u', password_file: 'p', token_file: 't' }, 'token_file'],
  [{ url: 's3://images', public_url: 'images.example.org' }, 'public_url'],
  [{ url: 's3://images', secret_access_key: 'x' }, ''],
];

describe('the configuration of a provider of kind files', () => {
  for (const entry of RIGHT) {
    it(`takes ${JSON.stringify(entry)}`, () => {
      assert.deepEqual(filesSchema.safeParse({ kind: 'files', ...entry }).error?.issues, undefined);
    });
  }

  for (const [entry, key] of WRONG) {
    it(`refuses ${JSON.stringify(entry)}, and names the key`, () => {
      const issues = filesSchema.safeParse({ kind: 'files', ...entry }).error?.issues ?? [];
      assert.ok(
        issues.some(({ path }) => path.join('.') === key),
        JSON.stringify(issues),
      );
    });
  }
});
