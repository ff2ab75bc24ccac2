import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { KEYS_VARIABLE, generateKeyLine, readPayloadKeysFromEnv, type PayloadKeys } from '../../../src/codec/keys.js';
import { serveCodec } from '../../../src/codec/server.js';

const UI = 'http://ui.example.org';
const keys = readPayloadKeysFromEnv({ [KEYS_VARIABLE]: generateKeyLine('k') }) as PayloadKeys;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('"hush"') };

interface Answer {
  payloads?: { metadata: Record<string, string>; data: string }[];
  message?: string;
}

describe('the codec server', () => {
  let server: Server;
  let guarded: Server;
  const addresses = new Map<Server, string>();

  async function start(token?: string): Promise<Server> {
    const given = { keys, host: '127.0.0.1', port: 0, origins: [UI] };
    const served = await serveCodec(token === undefined ? given : { ...given, token });
    addresses.set(served.server, `http://127.0.0.1:${served.port}`);
    return served.server;
  }

  before(async () => {
    server = await start();
    guarded = await start('open sesame');
  });
  after(async () => {
    for (const running of [server, guarded]) {
      running.close();
      running.closeAllConnections();
      await once(running, 'close');
    }
  });

  function call(path: string, init: RequestInit = {}, at = server): Promise<Response> {
    return fetch(`${addresses.get(at)}${path}`, { method: 'POST', ...init });
  }

  async function answer(response: Response): Promise<Answer> {
    return (await response.json()) as Answer;
  }

  it('answers encode and decode requests as the UI sends them', async () => {
    const headers = { origin: UI, 'x-namespace': 'default', 'content-type': 'application/json' };
    const encoded = await answer(
      await call('/encode', { headers, body: JSON.stringify({ payloads: [PLAIN, PLAIN] }) }),
    );
    assert.equal(encoded.payloads?.[0]?.metadata['encoding'], base64('binary/encrypted'));
    assert.notEqual(encoded.payloads?.[0]?.data, encoded.payloads?.[1]?.data);
    const decoded = await call('/decode', { headers, body: JSON.stringify(encoded) });
    assert.equal(decoded.headers.get('access-control-allow-origin'), UI);
    assert.deepEqual(await answer(decoded), { payloads: [PLAIN, PLAIN] });
  });

  it('returns payloads that are not encrypted unchanged, also those without data', async () => {
    const payloads = [PLAIN, { metadata: { encoding: base64('binary/null') } }];
    const { payloads: decoded } = await answer(await call('/decode', { body: JSON.stringify({ payloads }) }));
    assert.deepEqual(decoded, [PLAIN, { ...payloads[1], data: '' }]);
  });

  it('answers a browser’s preflight for the UI’s origin with the headers that the UI sends', async () => {
    const headers = {
      origin: UI,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,x-namespace',
      'access-control-request-private-network': 'true',
    };
    const response = await call('/decode', { method: 'OPTIONS', headers }, guarded);
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('access-control-allow-origin'), UI);
    assert.match(response.headers.get('access-control-allow-headers') ?? '', /authorization.*x-namespace/);
    assert.equal(response.headers.get('access-control-allow-private-network'), 'true');
  });

  it('refuses preflights and requests of pages of other origins', async () => {
    for (const method of ['OPTIONS', 'POST']) {
      const response = await call('/decode', { method, headers: { origin: 'http://evil.example.org' } });
      assert.equal(response.status, 403);
      assert.equal(response.headers.get('access-control-allow-origin'), null);
    }
  });

  it('refuses requests without its token', async () => {
    const body = JSON.stringify({ payloads: [PLAIN] });
    for (const authorization of ['', 'Bearer', 'Bearer open', 'Basic open sesame']) {
      const response = await call('/decode', { headers: { authorization }, body }, guarded);
      assert.equal(response.status, 401);
    }
    const response = await call('/decode', { headers: { authorization: 'Bearer open sesame' }, body }, guarded);
    assert.equal(response.status, 200);
  });

  it('without a token listens only on a loopback address', async () => {
    for (const host of ['0.0.0.0', '::', 'codec.example.org']) {
      const served = serveCodec({ keys, host, port: 0, origins: [] });
      await assert.rejects(served, /would decrypt for every caller that can reach/);
    }
  });

  for (const [what, status, path, body, says] of [
    ['another path', 404, '/', '{}', /\/encode or \/decode/],
    ['a body that is not JSON', 400, '/decode', 'x', /not JSON/],
    ['a body without payloads', 400, '/decode', '{}', /payloads/],
    ['data that is not base64', 400, '/decode', '{"payloads":[{"data":"%"}]}', /payloads\.0\.data: is not base64/],
    [
      'a payload of an unknown key',
      400,
      '/decode',
      JSON.stringify({
        payloads: [{ metadata: { encoding: base64('binary/encrypted'), 'encryption-key-id': base64('gone') } }],
      }),
      /payload key "gone"/,
    ],
    ['a body above its size limit', 413, '/decode', ' '.repeat(9 * 1024 * 1024), /may have at most \d+ bytes/],
  ] as const) {
    it(`answers ${what} with ${status} and an error message`, async () => {
      const response = await call(path, { body });
      assert.equal(response.status, status);
      assert.match((await answer(response)).message ?? '', says);
    });
  }

  it('answers a GET request with 405', async () => {
    assert.equal((await call('/decode', { method: 'GET' })).status, 405);
  });
});
