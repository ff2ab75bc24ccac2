import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImageSource } from '../../../src/domain/image-source.js';

describe('the source of an image that exists', () => {
  for (const [text, source] of [
    ['glance:debian-12', { kind: 'glance', name: 'debian-12' }],
    ['GLANCE: debian 12 ', { kind: 'glance', name: 'debian 12' }],
    ['/images/a b.qcow2', { kind: 'file', url: 'file:///images/a%20b.qcow2' }],
    ['file:///images/a.qcow2', { kind: 'file', url: 'file:///images/a.qcow2' }],
    ['https://example.org/a.qcow2', { kind: 'server', url: 'https://example.org/a.qcow2' }],
    ['ftp://example.org/a.raw', { kind: 'server', url: 'ftp://example.org/a.raw' }],
  ] as const) {
    it(`is read from ${text}`, () => assert.deepEqual(parseImageSource(text, '--jeos'), source));
  }

  for (const text of [
    '',
    'glance:',
    'debian-12',
    './a.qcow2',
    'file://images/a.qcow2',
    'https://',
    'nbd://host/disk',
    'json:{}',
  ]) {
    it(`is refused when it is ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseImageSource(text, '--jeos'), {
        type: 'InvalidParameter',
        message: /^--jeos: .* does not say where/,
      });
    });
  }

  it('is refused when the address has a password, which the record would show', () => {
    assert.throws(
      () => parseImageSource('https://me:word@example.org/a', '--jeos'),
      (error: Error) => {
        assert.match(error.message, /must not contain a password/);
        assert.doesNotMatch(error.message, /word@/);
        return true;
      },
    );
  });
});
