import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fetchValidators } from '../../../src/media/head.js';
import { fetchBytes, fetchText } from '../../../src/media/text.js';
import { LOOPBACK, serve } from './server.js';

describe('fetchText and fetchBytes', () => {
  it('return the content of an address', async () => {
    await using server = await serve((_request, response) => response.end('grüß\n'));
    assert.equal(await fetchText(server.url, { access: LOOPBACK }), 'grüß\n');
    assert.deepEqual(await fetchBytes(server.url, { access: LOOPBACK }), Buffer.from('grüß\n'));
  });

  it('fail on an error page instead of returning it as content', async () => {
    await using server = await serve((_request, response) => response.writeHead(404).end('<html>not here</html>'));
    await assert.rejects(fetchText(server.url, { access: LOOPBACK }), {
      type: 'MediaUnavailable',
      status: 404,
      retryable: false,
    });
  });

  it('fail above maxBytes, with and without a content-length', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/announced') response.setHeader('content-length', 100);
      response.write('x'.repeat(100));
      response.end();
    });
    for (const name of ['announced', 'not']) {
      await assert.rejects(fetchBytes(`${server.url}/${name}`, { access: LOOPBACK, maxBytes: 99 }), {
        retryable: false,
        message: /larger than 99 bytes/,
      });
    }
    assert.equal((await fetchBytes(server.url, { access: LOOPBACK, maxBytes: 100 })).length, 100);
  });

  it('fail at their total timeout and at their timeout for headers', async () => {
    await using server = await serve(() => undefined);
    await assert.rejects(fetchText(server.url, { access: LOOPBACK, timeouts: { total: 0.2 } }), {
      retryable: true,
      message: /did not end within 0.2 s/,
    });
    await assert.rejects(fetchText(server.url, { access: LOOPBACK, timeouts: { headers: 0.2 } }), {
      retryable: true,
      message: /the server did not answer in time/,
    });
  });

  it('stop with the reason of the signal', async () => {
    const stop = new AbortController();
    await using server = await serve(() => stop.abort(new Error('enough')));
    await assert.rejects(fetchText(server.url, { access: LOOPBACK, signal: stop.signal }), { message: 'enough' });
  });

  it('refuse text that is not UTF-8', async () => {
    await using server = await serve((_request, response) => response.end(Buffer.from([0x66, 0xff])));
    await assert.rejects(fetchText(server.url, { access: LOOPBACK }), {
      retryable: false,
      message: /not text in UTF-8/,
    });
  });
});

describe('fetchValidators', () => {
  it('returns the validators without the body', async () => {
    await using server = await serve((_request, response) => {
      response.setHeader('etag', '"one"').setHeader('content-length', 5).end();
    });
    assert.deepEqual(await fetchValidators(server.url, { access: LOOPBACK }), {
      etag: '"one"',
      lastModified: undefined,
      size: 5,
    });
    assert.equal(server.requests[0]?.method, 'HEAD');
  });

  it('sends a GET request when the server refuses HEAD', async () => {
    await using server = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end();
      else response.setHeader('last-modified', 'Sun, 22 Nov 2026 10:00:00 GMT').end('x'.repeat(1_000_000));
    });
    assert.equal(
      (await fetchValidators(server.url, { access: LOOPBACK })).lastModified,
      'Sun, 22 Nov 2026 10:00:00 GMT',
    );
  });

  it('fails with status 404 when the file does not exist', async () => {
    await using server = await serve((_request, response) => response.writeHead(404).end());
    await assert.rejects(fetchValidators(server.url, { access: LOOPBACK }), { type: 'MediaUnavailable', status: 404 });
  });
});
