import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { DEADLINES, type Deadlines, HttpClient, type Tls } from '../../../src/http/http.js';
import { answer, serve } from '../openstack/local-service.js';

function http(deadlines: Partial<Deadlines> = {}, tls?: Tls): HttpClient {
  const connection = new HttpClient('local', tls, { ...DEADLINES, ...deadlines });
  after(() => connection.close());
  return connection;
}

function call(url: string, method: 'GET' | 'POST' = 'GET', signal?: AbortSignal) {
  return { product: 'Nova', method, url: `${url}/v2.1/servers`, signal };
}

function unavailable(message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.deepEqual([error.type, error.retryable], ['CloudUnavailable', true]);
    assert.match(error.message, message);
    return true;
  };
}

describe('a call', () => {
  it('returns status, headers and body', async () => {
    const origin = await serve((_request, response) => answer(response, { json: { a: 1 }, headers: { 'x-b': 'c' } }));
    const { status, headers, body } = await http().send(call(origin));
    assert.deepEqual([status, headers['x-b'], body], [200, 'c', '{"a":1}']);
  });

  it('reuses connections', async () => {
    const sockets = new Set<unknown>();
    const origin = await serve((request, response) => {
      sockets.add(request.socket);
      answer(response, { json: {} });
    });
    const connection = http();
    for (let i = 0; i < 10; i++) await connection.send(call(origin));
    assert.ok(sockets.size <= 2, `${sockets.size} connections for 10 calls one after the other`);
  });

  it('fails with a retryable error when no server listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await assert.rejects(http().send(call(`http://127.0.0.1:${port}`)), unavailable(/ECONNREFUSED/));
  });

  it('that is a GET is repeated when the server has closed its kept connection', async () => {
    let calls = 0;
    const origin = await serve((request, response) => {
      calls += 1;
      if (calls === 2) request.socket.destroy();
      else answer(response, { json: { calls } });
    });
    const connection = http();
    await connection.send(call(origin));
    assert.equal((await connection.send(call(origin))).body, '{"calls":3}');
  });

  it('that is a GET is sent at most three times', async () => {
    let calls = 0;
    const origin = await serve((request) => {
      calls += 1;
      request.socket.destroy();
    });
    await assert.rejects(http().send(call(origin)), unavailable(/did not answer GET/));
    assert.equal(calls, 3);
  });

  it('that is a GET is repeated after a status 503, but not when Retry-After is long', async () => {
    for (const [headers, expected] of [
      [{}, 2],
      [{ 'retry-after': '0' }, 2],
      [{ 'retry-after': '60' }, 1],
    ] as const) {
      let calls = 0;
      const origin = await serve((_request, response) => {
        calls += 1;
        answer(response, calls === 1 ? { status: 503, headers } : { json: {} });
      });
      await http()
        .send(call(origin))
        .catch(() => undefined);
      assert.equal(calls, expected);
    }
  });

  it('that is not a GET is never sent twice', async () => {
    let calls = 0;
    const origin = await serve((request) => {
      calls += 1;
      request.socket.destroy();
    });
    await assert.rejects(http().send(call(origin, 'POST')), unavailable(/did not answer POST/));
    assert.equal(calls, 1);
  });

  it('fails when no answer begins in time', async () => {
    const origin = await serve(() => undefined);
    await assert.rejects(http({ headers: 50 }).send(call(origin, 'POST')), unavailable(/Headers Timeout/));
  });

  it('fails when its answer stops in the middle', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200);
      response.write('{');
    });
    await assert.rejects(http({ body: 50 }).send(call(origin, 'POST')), unavailable(/Body Timeout/));
  });

  it('fails at its total timeout when its answer comes too slowly', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    });
    await assert.rejects(http({ call: 100 }).send(call(origin, 'POST')), unavailable(/no answer within 0.1 s/));
  });

  it('fails with the signal’s reason when the signal aborts', async () => {
    const stop = new AbortController();
    const origin = await serve(() => stop.abort(new Error('cancelled')));
    await assert.rejects(http().send(call(origin, 'GET', stop.signal)), /^Error: cancelled$/);
    await assert.rejects(http().send(call(origin, 'GET', stop.signal)), /^Error: cancelled$/);
  });
});

describe('an upload', () => {
  it('fails with the error of its source', async () => {
    const origin = await serve((request) => request.resume());
    const source = new Readable({
      read() {
        this.destroy(new FactoryError('MediaUnavailable', 'the mirror broke off'));
      },
    });
    const upload = http().upload({ ...call(origin), method: 'PUT', body: source });
    await assert.rejects(
      upload,
      (error: unknown) => error instanceof FactoryError && error.type === 'MediaUnavailable',
    );
  });

  it('fails when the server stops reading', async () => {
    const origin = await serve((request) => request.pause());
    const source = Readable.from(endless());
    const upload = http({ upload: 100 }).upload({ ...call(origin), method: 'PUT', body: source });
    await assert.rejects(upload, unavailable(/Headers Timeout/));
    assert.equal(source.destroyed, true);
  });

  it('fails with the signal’s reason when the signal aborts, and destroys its source', async () => {
    const stop = new AbortController();
    const origin = await serve((request) => request.once('data', () => stop.abort(new Error('cancelled'))));
    const source = Readable.from(endless());
    const upload = http().upload({ ...call(origin), method: 'PUT', body: source, signal: stop.signal });
    await assert.rejects(upload, /^Error: cancelled$/);
    assert.equal(source.destroyed, true);
  });
});

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield await Promise.resolve(Buffer.alloc(65536));
}

describe('TLS', () => {
  const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
  const cert = fixture('cert.pem');
  const key = fixture('key.pem');

  it('fails finally when the certificate authority is unknown, with a hint at cacert', async () => {
    const origin = await serve((_request, response) => answer(response, { json: {} }), { cert, key });
    await assert.rejects(http().send(call(origin)), (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.retryable, false);
      assert.match(error.message, /self-signed certificate/);
      assert.match(error.hint ?? '', /cacert/);
      return true;
    });
  });

  it('succeeds when the certificate authority is configured, or with insecure', async () => {
    const origin = await serve((_request, response) => answer(response, { json: {} }), { cert, key });
    assert.equal((await http({}, { ca: cert }).send(call(origin))).status, 200);
    assert.equal((await http({}, { insecure: true }).send(call(origin))).status, 200);
  });

  it('presents a client certificate', async () => {
    const tls = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
    const origin = await serve((_request, response) => answer(response, { json: {} }), tls);
    assert.equal((await http({}, { ca: cert, cert, key }).send(call(origin))).status, 200);
    await assert.rejects(http({}, { ca: cert }).send(call(origin)), FactoryError);
  });
});
