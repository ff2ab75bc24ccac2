import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { registry } from '../../../../src/providers/oci-registry/registry.js';
import { nameRepository, parseReference } from '../../../../src/providers/oci-registry/names.js';

const VALID = { kind: 'registry', endpoint: 'https://registry.example.org', repository: 'team/images' };

describe('the configuration of a registry', () => {
  it('needs an address and the beginning of the repositories', () => {
    assert.deepEqual(registry.schema.parse(VALID), { ...VALID, tags: [] });
    assert.equal(registry.schema.safeParse({ ...VALID, repository: undefined }).success, false);
    assert.equal(registry.schema.safeParse({ ...VALID, secret: 'x' }).success, false);
  });

  it('takes http for this machine only, and an address without anything behind the port', () => {
    const takes = (endpoint: string): boolean => registry.schema.safeParse({ ...VALID, endpoint }).success;
    const good = ['http://localhost:5000', 'http://127.0.0.1:5000', 'http://[::1]', 'https://10.0.0.1:5000'];
    const bad = [
      'http://registry.example.org',
      'http://127.0.0.1.example.org',
      'https://user:secret@registry.example.org',
      'https://registry.example.org/team',
      'registry.example.org',
      'ftp://localhost',
    ];
    assert.deepEqual(good.filter(takes), good);
    assert.deepEqual(bad.filter(takes), []);
  });

  it('refuses names of repositories and tags that registries refuse', () => {
    for (const repository of ['Team', '/team', 'team/', 'a//b', 'team:x', '', 'a___b']) {
      assert.equal(registry.schema.safeParse({ ...VALID, repository }).success, false, repository);
    }
    for (const tag of ['', '-x', 'a/b', 'x'.repeat(129)]) {
      assert.equal(registry.schema.safeParse({ ...VALID, tags: [tag] }).success, false, tag);
    }
  });
});

describe('the name of a repository', () => {
  it('is the image’s name with what registries allow', () => {
    const host = 'registry.example.org';
    assert.equal(nameRepository(host, 'team', 'debian-12-containerdisk'), 'team/debian-12-containerdisk');
    assert.equal(nameRepository(host, 'team', 'Débian 12 (new)__X'), 'team/d-bian-12-new-x');
    assert.equal(nameRepository(host, 'team', '…'), 'team/image');
    const long = nameRepository(host, 'team', 'a'.repeat(300));
    assert.equal(`${host}/${long}`.length, 255);
  });

  it('is read from the id of an image', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    assert.deepEqual(parseReference(`localhost:5000/a/b@${digest}`), {
      host: 'localhost:5000',
      repository: 'a/b',
      digest,
    });
    for (const text of ['', `a@${digest}`, 'host/a@sha256:1', `host/../a@${digest}`]) {
      assert.equal(parseReference(text), undefined, text);
    }
  });
});
