import assert from 'node:assert/strict';
import { it } from 'node:test';
import { resolveRedirect } from '../../../src/media/http.js';

it('follows a redirect from http to https, never from https to http', () => {
  assert.equal(
    resolveRedirect(new URL('http://mirror.example/a'), 'https://mirror.example/b').href,
    'https://mirror.example/b',
  );
  assert.equal(resolveRedirect(new URL('https://mirror.example/a'), '/b').href, 'https://mirror.example/b');
  assert.throws(() => resolveRedirect(new URL('https://mirror.example/a'), 'http://mirror.example/b'), {
    type: 'MediaUnavailable',
    retryable: false,
    message: /a redirect must lead to https, or from http to http/,
  });
});
