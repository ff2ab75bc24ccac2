import assert from 'node:assert/strict';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sendGet, openHttp } from '../../../src/media/http.js';
import { LOOPBACK, serve } from './server.js';

const ACCOUNT = `Basic ${Buffer.from('worker:p@ss').toString('base64')}`;
const BODY = '0123456789'.repeat(30_000);

/**
 * Creates a proxy that forwards plain HTTP and refuses CONNECT to any port except 443, as Squid and tinyproxy do by
 * default. Adds each request to `asked`.
 */
function proxyServer(asked: string[]): Server {
  const proxy = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const { 'proxy-authorization': account, ...headers } = incoming.headers;
    if (account !== ACCOUNT) return void outgoing.writeHead(407, { 'proxy-authenticate': 'Basic' }).end('who is it?');
    const onward = request(incoming.url ?? '', { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  proxy.on('connect', ({ url, headers }: IncomingMessage, socket) => {
    asked.push(`CONNECT ${url}`);
    const isAllowed = url?.endsWith(':443') === true && headers['proxy-authorization'] === ACCOUNT;
    socket.end(`HTTP/1.1 ${isAllowed ? '502 Bad Gateway' : '403 Forbidden'}\r\ncontent-length: 0\r\n\r\n`);
  });
  return proxy;
}

describe('the proxy of http_proxy', () => {
  const asked: string[] = [];
  const variables = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const known = variables.map((name) => [name, process.env[name]] as const);
  let proxy: Server;
  let origin: Awaited<ReturnType<typeof serve>>;
  let other: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    proxy = proxyServer(asked);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    for (const name of variables) delete process.env[name];
    process.env['http_proxy'] = `http://worker:p%40ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    other = await serve((_incoming, response) => void response.end('from elsewhere'));
    origin = await serve(({ url, headers }, response) => {
      if (url === '/moved') return void response.writeHead(302, { location: `${other.url}/target` }).end();
      const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
      const range = from > 0 ? { 'content-range': `bytes ${from}-${BODY.length - 1}/${BODY.length}` } : {};
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': BODY.length - from, etag: '"one"', ...range });
      response.end(BODY.slice(from));
    });
  });
  after(async () => {
    for (const [name, value] of known) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    await Promise.all([origin[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  });
  beforeEach(() => {
    asked.length = 0;
    origin.requests.length = 0;
  });

  it('gets plain http requests with the full address, which it can cache, and not through a tunnel', async () => {
    const { body } = await sendGet(`${origin.url}/medium.iso?a=b`, { access: LOOPBACK });
    assert.equal(await text(body), BODY);
    assert.deepEqual(asked, [`GET ${origin.url}/medium.iso?a=b`]);
  });

  it('gets the account of its own address, and the server gets the account of the medium’s address', async () => {
    const { body } = await sendGet(`${origin.url.replace('//', '//user:secret@')}/medium.iso`, { access: LOOPBACK });
    await body.dump();
    const [{ headers }] = origin.requests as [IncomingMessage];
    assert.equal(headers.authorization, `Basic ${Buffer.from('user:secret').toString('base64')}`);
    assert.equal(headers.host, new URL(origin.url).host);
  });

  it('gets HEAD requests and range requests', async () => {
    const head = await sendGet(`${origin.url}/medium.iso`, { access: LOOPBACK, method: 'HEAD' });
    assert.equal(head.headers['content-length'], String(BODY.length));
    await head.body.dump();
    const resume = { offset: 100_000, validator: '"one"' };
    const opened = await openHttp(`${origin.url}/medium.iso`, { access: LOOPBACK, resume });
    assert.equal(opened.offset, resume.offset);
    await opened.close();
    assert.deepEqual(asked, [`HEAD ${origin.url}/medium.iso`, `GET ${origin.url}/medium.iso`]);
    assert.equal(origin.requests.at(-1)?.headers['if-range'], '"one"');
  });

  it('also gets the requests that follow a redirect', async () => {
    const { body, finalUrl } = await sendGet(`${origin.url}/moved`, { access: LOOPBACK });
    assert.equal(await text(body), 'from elsewhere');
    assert.equal(finalUrl, `${other.url}/target`);
    assert.deepEqual(asked, [`GET ${origin.url}/moved`, `GET ${other.url}/target`]);
  });

  it('gets a CONNECT request for an https address', async () => {
    await assert.rejects(sendGet('https://mirror.example/medium.iso', { access: LOOPBACK }), {
      message: /Proxy response \(502\)/,
    });
    assert.deepEqual(asked, ['CONNECT mirror.example:443']);
  });

  it('gets no requests for the hosts in no_proxy', async () => {
    process.env['no_proxy'] = 'mirror.example,127.0.0.1';
    try {
      const { body } = await sendGet(`${origin.url}/medium.iso`, { access: LOOPBACK });
      assert.equal(await text(body), BODY);
      assert.deepEqual(asked, []);
    } finally {
      delete process.env['no_proxy'];
    }
  });

  it('causes a final error with a hint at http_proxy when it refuses the account', async () => {
    process.env['http_proxy'] = process.env['http_proxy']?.replace('worker:', 'stranger:');
    // http_proxy is read again only for a new connect timeout, so this test uses another timeout.
    await assert.rejects(sendGet(`${origin.url}/medium.iso`, { access: LOOPBACK, timeouts: { connect: 7 } }), {
      type: 'MediaUnavailable',
      retryable: false,
      message: `cannot fetch ${origin.url}/medium.iso: Proxy Authentication Required (407)`,
      hint: /http_proxy/,
    });
    assert.deepEqual(origin.requests, []);
  });
});
