import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fetchToFile } from '../../../src/media/fetch.js';
import { LOOPBACK, serve } from './server.js';

const BODY = randomBytes(300_000);
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const LIMIT = 10_000_000;

/** Sends the headers for all of BODY, but only the bytes `from` to `to`, then closes the connection. */
function cutShort(response: ServerResponse, from: number, to: number, headers: Record<string, string> = {}): void {
  response.writeHead(from === 0 ? 200 : 206, { 'content-length': BODY.length - from, ...headers });
  response.write(BODY.subarray(from, to), () => response.destroy());
}

describe('fetchToFile', () => {
  let directory: string;
  let count = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'media-'));
  });
  after(() => rm(directory, { recursive: true }));
  const newPath = (): string => join(directory, `file${count++}`);

  it('writes the bytes, and returns digest, size, final address and validators', async () => {
    await using server = await serve((_request, response) => {
      response.setHeader('etag', '"one"').setHeader('last-modified', 'Sun, 22 Nov 2026 10:00:00 GMT');
      response.end(BODY);
    });
    const path = newPath();
    const progress: number[] = [];
    const got = await fetchToFile({
      access: LOOPBACK,
      url: `${server.url}/linux`,
      path,
      maxBytes: LIMIT,
      onProgress: (done) => progress.push(done),
    });
    assert.deepEqual(got, {
      sha256: SHA256,
      size: BODY.length,
      finalUrl: `${server.url}/linux`,
      etag: '"one"',
      lastModified: 'Sun, 22 Nov 2026 10:00:00 GMT',
    });
    assert.ok(BODY.equals(await readFile(path)));
    assert.equal(progress.at(-1), BODY.length);
  });

  for (const status of [401, 403, 404, 410]) {
    it(`fails finally after status ${status}, and the error names address and status`, async () => {
      await using server = await serve((_request, response) => response.writeHead(status).end('no'));
      const path = newPath();
      await assert.rejects(fetchToFile({ access: LOOPBACK, url: `${server.url}/linux`, path, maxBytes: LIMIT }), {
        type: 'MediaUnavailable',
        retryable: false,
        status,
        message: `cannot fetch ${server.url}/linux: HTTP status ${status}`,
      });
      assert.ok(!existsSync(path));
    });
  }

  for (const status of [429, 500, 503]) {
    it(`fails with a retryable error after status ${status}, with the time of Retry-After`, async () => {
      await using server = await serve((_request, response) =>
        response.writeHead(status, { 'retry-after': '7' }).end(),
      );
      await assert.rejects(fetchToFile({ access: LOOPBACK, url: server.url, path: newPath(), maxBytes: LIMIT }), {
        type: 'MediaUnavailable',
        retryable: true,
        status,
        retryAfterSeconds: 7,
      });
    });
  }

  it('fails with a retryable error when the connection is refused', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(
      fetchToFile({ access: LOOPBACK, url: `http://127.0.0.1:${port}/x`, path: newPath(), maxBytes: LIMIT }),
      {
        type: 'MediaUnavailable',
        retryable: true,
        message: `cannot fetch http://127.0.0.1:${port}/x: connection refused`,
      },
    );
  });

  it('fails with a retryable error when the body is shorter than its content-length', async () => {
    await using server = await serve((_request, response) => cutShort(response, 0, 1000));
    const path = newPath();
    await assert.rejects(fetchToFile({ access: LOOPBACK, url: server.url, path, maxBytes: LIMIT }), {
      type: 'MediaUnavailable',
      retryable: true,
      message: /connection was closed early, after \d+ of 300000 bytes$/,
    });
    assert.ok(!existsSync(path));
  });

  it('continues a transfer that was cut off, if the file is still the same', async () => {
    // The server cuts the connection when the client has read some bytes. The client loses the bytes that it has not
    // read.
    let cut = (): void => undefined;
    await using server = await serve((request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = from > 0 ? { 'content-range': `bytes ${from}-299999/300000` } : {};
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': BODY.length - from, etag: '"one"', ...range });
      if (server.requests.length === 3) return void response.end(BODY.subarray(from));
      response.write(BODY.subarray(from, from + 100_000));
      cut = () => void response.destroy();
    });
    const path = newPath();
    const expected = { algorithm: 'sha256', value: SHA256 };
    const got = await fetchToFile({
      access: LOOPBACK,
      url: server.url,
      path,
      maxBytes: LIMIT,
      expected,
      onProgress: () => cut(),
    });
    assert.equal(got.size, BODY.length);
    const [first, ...others] = server.requests.map(({ headers }) => headers);
    assert.equal(first?.range, undefined);
    assert.deepEqual(
      others.map((headers) => headers['if-range']),
      ['"one"', '"one"'],
    );
    assert.ok(BODY.equals(await readFile(path)));
  });

  it('starts over when the file has changed since the transfer was cut off', async () => {
    let cut = (): void => undefined;
    await using server = await serve((request, response) => {
      if (request.headers.range !== undefined)
        return void response.writeHead(200, { etag: '"new"' }).end('another file');
      response.writeHead(200, { 'content-length': BODY.length, etag: '"old"' }).write(BODY.subarray(0, 1000));
      cut = () => void response.destroy();
    });
    const path = newPath();
    const got = await fetchToFile({
      access: LOOPBACK,
      url: server.url,
      path,
      maxBytes: LIMIT,
      onProgress: () => cut(),
    });
    assert.deepEqual([got.etag, await readFile(path, 'utf8')], ['"new"', 'another file']);
  });

  it('gives up when the server cuts the continued transfer off before it sends a byte', async () => {
    let cut = (): void => undefined;
    await using server = await serve((request, response) => {
      const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
      const range = from === undefined ? {} : { 'content-range': `bytes ${from}-299999/300000` };
      response.writeHead(from === undefined ? 200 : 206, {
        'content-length': BODY.length - Number(from ?? 0),
        etag: '"one"',
        ...range,
      });
      cut = () => void response.destroy();
      if (from === undefined) response.write(BODY.subarray(0, 1000));
      else response.write('', cut);
    });
    await assert.rejects(
      fetchToFile({ access: LOOPBACK, url: server.url, path: newPath(), maxBytes: LIMIT, onProgress: () => cut() }),
      {
        retryable: true,
      },
    );
    assert.equal(server.requests.length, 2);
  });

  it('checks digests of all usual algorithms, and the error shows both digests when they differ', async () => {
    await using server = await serve((_request, response) => response.end(BODY));
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const value = createHash(algorithm).update(BODY).digest('hex');
      await fetchToFile({
        access: LOOPBACK,
        url: server.url,
        path: newPath(),
        maxBytes: LIMIT,
        expected: { algorithm, value: value.toUpperCase() },
      });
      const wrong = value.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
      const path = newPath();
      await assert.rejects(
        fetchToFile({
          access: LOOPBACK,
          url: `${server.url}/linux`,
          path,
          maxBytes: LIMIT,
          expected: { algorithm, value: wrong },
        }),
        {
          type: 'ChecksumMismatch',
          retryable: false,
          message: `${server.url}/linux has ${algorithm} ${value}, expected ${wrong}`,
        },
      );
      assert.ok(!existsSync(path));
    }
  });

  it('refuses a file that is larger than maxBytes, with and without a content-length', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/announced') response.setHeader('content-length', BODY.length);
      response.write(BODY);
      response.end();
    });
    for (const name of ['announced', 'not']) {
      await assert.rejects(
        fetchToFile({ access: LOOPBACK, url: `${server.url}/${name}`, path: newPath(), maxBytes: 1000 }),
        {
          type: 'MediaUnavailable',
          retryable: false,
          message: /the limit is 1000 bytes/,
        },
      );
    }
  });

  it('gives up when no byte comes for the idle timeout, and when the transfer exceeds the total timeout', async () => {
    await using server = await serve(
      (_request, response) => void response.writeHead(200, { 'content-length': 10 }).write('x'),
    );
    await assert.rejects(
      fetchToFile({ access: LOOPBACK, url: server.url, path: newPath(), maxBytes: LIMIT, timeouts: { idle: 0.2 } }),
      {
        type: 'MediaUnavailable',
        retryable: true,
        message: /stalled, after 1 of 10 bytes/,
      },
    );
    await assert.rejects(
      fetchToFile({ access: LOOPBACK, url: server.url, path: newPath(), maxBytes: LIMIT, timeouts: { total: 0.2 } }),
      {
        type: 'MediaUnavailable',
        retryable: true,
        message: /did not end within 0.2 s/,
      },
    );
  });

  it('stops with the reason of the signal and leaves no file', async () => {
    await using server = await serve((_request, response) => void response.writeHead(200).write('x'));
    const stop = new AbortController();
    const path = newPath();
    const fetching = fetchToFile({
      access: LOOPBACK,
      url: server.url,
      path,
      maxBytes: LIMIT,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await assert.rejects(fetching, { message: 'enough' });
    assert.ok(!existsSync(path));
  });

  it('follows redirects, and returns the final address', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: 'b/c' }).end();
      else if (request.url === '/b/c') response.writeHead(308, { location: '/file' }).end();
      else response.end('here');
    });
    const got = await fetchToFile({ access: LOOPBACK, url: `${server.url}/a`, path: newPath(), maxBytes: LIMIT });
    assert.deepEqual([got.finalUrl, got.size], [`${server.url}/file`, 4]);
  });

  it('refuses more than 10 redirects, and redirects to other protocols', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(302, { location: request.url === '/loop' ? '/loop' : 'file:///etc/passwd' }).end();
    });
    const path = newPath();
    await assert.rejects(fetchToFile({ access: LOOPBACK, url: `${server.url}/loop`, path, maxBytes: LIMIT }), {
      retryable: false,
      message: /more than 10 redirects/,
    });
    await assert.rejects(fetchToFile({ access: LOOPBACK, url: `${server.url}/file`, path, maxBytes: LIMIT }), {
      retryable: false,
      message: /redirects to/,
    });
  });

  it('refuses addresses of other protocols, and a text that is not a URL', async () => {
    for (const url of ['gopher://127.0.0.1/x', 'linux']) {
      await assert.rejects(fetchToFile({ access: LOOPBACK, url, path: newPath(), maxBytes: LIMIT }), {
        type: 'MediaUnavailable',
        message: /it is not an http, https, ftp or file URL/,
      });
    }
  });

  it('logs in with the user of the address, and its errors show neither password nor query', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(request.headers.authorization === `Basic ${btoa('me:s3cret')}` ? 404 : 401).end();
    });
    const url = `${server.url.replace('//', '//me:s3cret@')}/x?signature=abc`;
    await assert.rejects(fetchToFile({ access: LOOPBACK, url, path: newPath(), maxBytes: LIMIT }), {
      status: 404,
      message: `cannot fetch ${server.url}/x?…: HTTP status 404`,
    });
    const odd = `${server.url.replace('//', '//me:%zz@')}/%zz`;
    await assert.rejects(fetchToFile({ access: LOOPBACK, url: odd, path: newPath(), maxBytes: LIMIT }), {
      status: 401,
      message: `cannot fetch ${server.url}/%zz: HTTP status 401`,
    });
  });

  it('requests a path that begins with two slashes from the host of the address', async () => {
    await using server = await serve((_request, response) => response.end('x'));
    const url = `${server.url}//debian/x?y`;
    const { finalUrl } = await fetchToFile({ access: LOOPBACK, url, path: newPath(), maxBytes: LIMIT });
    assert.equal(finalUrl, url);
    assert.deepEqual(
      server.requests.map((request) => request.url),
      ['//debian/x?y'],
    );
  });
});
