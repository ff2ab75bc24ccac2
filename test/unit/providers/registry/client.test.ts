import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { ProviderCall, ProviderReply } from '../../../fakes/providers/provider-server.js';
import { ProviderServer } from '../../../fakes/providers/provider-server.js';
import type { HttpClient } from '../../../../src/http/http.js';
import { parseChallenges, RegistryAuth } from '../../../../src/providers/oci-registry/auth.js';
import { connectRegistry } from '../../../../src/providers/oci-registry/registry.js';
import type { Finding } from '../../../../src/providers/types.js';
import { makeCertificate } from '../../../support/certificate.js';
import { missingProgram } from '../../../support/programs.js';
import { createOperation } from '../../../support/providers/operation.js';

describe('what a registry answers', () => {
  const servers: ProviderServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const listen = async (
    handle: (call: ProviderCall) => ProviderReply,
    tls?: { cert: Buffer; key: Buffer },
  ): Promise<ProviderServer> => {
    const server = await new ProviderServer('registry', handle, tls).listen();
    servers.push(server);
    return server;
  };
  const check = async (endpoint: string, ca?: string): Promise<Finding[]> => {
    const configuration = { kind: 'registry' as const, endpoint, repository: 'team', tags: [], ca };
    const credentials = { user: 'alice', password: 'secret' };
    const provider = await connectRegistry({ name: 'local', configuration, credentials, env: {} });
    try {
      return await provider.check(createOperation());
    } finally {
      await provider.close();
    }
  };
  /** A registry with a password, which sends uploads to an address. */
  const listenWithUploads = (
    location: (call: ProviderCall) => string,
    tls?: { cert: Buffer; key: Buffer },
  ): Promise<ProviderServer> =>
    listen((call): ProviderReply => {
      if (call.headers.authorization === undefined) {
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
      }
      if (call.method === 'POST') return { status: 202, headers: { location: location(call) } };
      return { status: call.path === '/v2/' ? 200 : 404 };
    }, tls);

  it('is an upload at another host: no password goes there', async () => {
    const seen: (string | undefined)[] = [];
    const store = await listen(({ headers, query }) => {
      seen.push(headers.authorization, query.get('signature') ?? undefined);
      return { status: 204 };
    });
    const registry = await listenWithUploads(
      () => `${store.url.replace('127.0.0.1', 'localhost')}/upload?signature=a%2Fb`,
    );
    const findings = await check(registry.url);
    assert.ok(findings.every(({ ok }) => ok));
    assert.deepEqual(seen, [undefined, 'a/b']);
  });

  it(
    'is an upload at an address of its own that a proxy has spoiled: it is mended',
    { skip: missingProgram('openssl') },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'imagefactory-registry-tls-'));
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      await makeCertificate(cert, key);
      const registry = await listenWithUploads(() => 'http://127.0.0.1:80/v2/team/blobs/uploads/1?x=%2F', {
        cert: await readFile(cert),
        key: await readFile(key),
      });
      const findings = await check(registry.url, cert);
      assert.ok(findings.every(({ ok }) => ok));
      assert.deepEqual(
        registry.log.list({ method: 'DELETE', path: /uploads/ }).map(({ path }) => path),
        ['/v2/team/blobs/uploads/1?x=%2F'],
      );
      await rm(folder, { recursive: true });
    },
  );

  it('is an upload at an address without https, or none: it is refused', async () => {
    for (const location of ['http://registry.example.org/upload', 'ftp://x/', 'ftp://localhost/']) {
      const registry = await listenWithUploads(() => location);
      const last = (await check(registry.url)).at(-1);
      assert.match(last?.message ?? '', /without https/);
    }
  });

  it('is a token server without https: it gets no password', async () => {
    const challenge = 'Bearer realm="http://tokens.example.org/token",service="x"';
    const registry = await listen(() => ({ status: 401, headers: { 'www-authenticate': challenge } }));
    const [finding] = await check(registry.url);
    assert.match(finding?.message ?? '', /token server without https/);
  });

  it('is a token server on the worker’s machine, though the registry is elsewhere: it gets no password', async () => {
    const http = { send: () => assert.fail('a password was sent') } as unknown as HttpClient;
    for (const realm of ['http://127.0.0.1:9/token', 'https://localhost/token']) {
      const auth = new RegistryAuth(http, 'registry x', false, async () => ({ user: 'alice', password: 'secret' }));
      const challenges = parseChallenges(`Bearer realm="${realm}"`);
      await assert.rejects(auth.answer(challenges, 'team/x', 'pull,push', undefined, undefined), {
        type: 'AuthenticationFailed',
        message: /on the worker’s machine/,
      });
    }
  });

  it('is a used-up quota, told from a missing permission', async () => {
    const body = JSON.stringify({
      errors: [{ code: 'DENIED', message: 'adding 3 GiB will exceed the limit of 10 GiB' }],
    });
    const registry = await listen(({ method }) => (method === 'POST' ? { status: 403, body } : { status: 200 }));
    const last = (await check(registry.url)).at(-1);
    assert.match(last?.hint ?? '', /larger quota/);
  });

  it('is a proxy that limits the size of requests', async () => {
    const registry = await listen(({ method }) => ({ status: method === 'POST' ? 413 : 200 }));
    const last = (await check(registry.url)).at(-1);
    assert.match(last?.hint ?? '', /client_max_body_size/);
  });

  it('is no registry', async () => {
    const server = await listen(() => ({ status: 404, body: '<html><body>no such page</body></html>' }));
    const [finding] = await check(server.url);
    assert.equal(finding?.ok, false);
    assert.match(finding?.message ?? '', /no such page/);
  });
});
