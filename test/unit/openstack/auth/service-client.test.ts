import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { connectCloud } from '../../../../src/openstack/index.js';
import { buildVersionedEndpoint } from '../../../../src/openstack/auth/service-client.js';
import type { CloudSettings } from '../../../../src/openstack/config/cloud-settings.js';
import type { Cloud } from '../../../../src/openstack/types.js';
import { type Reply, type Seen, serveCloud, settingsFor } from '../local-service.js';

async function cloudOf(reply: (seen: Seen) => Reply | Promise<Reply>, change: Partial<CloudSettings> = {}) {
  const service = await serveCloud(reply);
  const cloud: Cloud = connectCloud(settingsFor(service.origin, change));
  after(() => cloud.close());
  return { cloud, ...service };
}

const NO_SERVERS = { json: { servers: [] } };

describe('a call of a service', () => {
  it('carries the token', async () => {
    const { cloud, seen } = await cloudOf(() => NO_SERVERS);
    await cloud.compute.listServers();
    assert.equal(seen.at(-1)?.headers['x-auth-token'], 'token-1');
  });

  it('is repeated with a fresh token when the old token is refused, and concurrent calls share the fresh token', async () => {
    const { cloud, signIns } = await cloudOf(({ headers }) =>
      headers['x-auth-token'] === 'token-2' ? NO_SERVERS : { status: 401, json: { error: { message: 'expired' } } },
    );
    const lists = await Promise.all(Array.from({ length: 20 }, () => cloud.compute.listServers()));
    assert.deepEqual(lists.flat(), []);
    assert.equal(signIns(), 2);
  });

  it('that creates something is also repeated after a refused token, because nothing was created', async () => {
    const { cloud, seen } = await cloudOf(({ headers }) =>
      headers['x-auth-token'] === 'token-1' ? { status: 401 } : { status: 202, json: { server: { id: 's' } } },
    );
    const request = { name: 'a', imageRef: 'i', flavorRef: 'f', networks: 'none' as const };
    assert.deepEqual(await cloud.compute.createServer(request), { id: 's' });
    const bodies = seen.filter(({ path }) => path === '/v2.1/servers').map(({ body }) => body);
    assert.equal(bodies.length, 2);
    assert.equal(bodies[0], bodies[1]);
  });

  it('fails when a fresh token is refused too', async () => {
    const { cloud, signIns } = await cloudOf(() => ({ status: 401, json: { error: { message: 'no role here' } } }));
    await assert.rejects(cloud.network.listNetworks(), (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.type, 'AuthenticationFailed');
      assert.match(error.message, /Neutron of cloud local refused GET \/v2\.0\/networks \(401\): no role here/);
      assert.doesNotMatch(error.message, /token-/);
      return true;
    });
    assert.equal(signIns(), 2);
  });

  it('fails with the path of the field when an answer does not match the API’s documentation', async () => {
    const { cloud } = await cloudOf(() => ({ json: { servers: [{ id: 7 }] } }));
    await assert.rejects(cloud.compute.listServers(), /Nova of cloud local answered GET .*: servers\.0\.id: /);
  });

  it('that deletes something succeeds when it does not exist', async () => {
    const { cloud } = await cloudOf(() => ({ status: 404 }));
    await assert.doesNotReject(cloud.compute.deleteServer('x'));
    await assert.doesNotReject(cloud.image.deleteImage('x'));
    await assert.doesNotReject(cloud.network.deleteFloatingIp('x'));
    await assert.doesNotReject(cloud.network.deleteSecurityGroup('x'));
    await assert.doesNotReject(cloud.volume.deleteVolume('x'));
    await assert.doesNotReject(cloud.compute.deleteKeyPair('x'));
  });

  it('fails with a retryable error when the answer is the HTML page of a proxy', async () => {
    const { cloud } = await cloudOf(() => ({ body: '<html>maintenance</html>' }));
    await assert.rejects(cloud.compute.getLimits(), (error: unknown) => {
      return error instanceof FactoryError && error.type === 'CloudUnavailable' && error.retryable;
    });
  });
});

describe('a list', () => {
  it('has the items of all pages, whatever host the links to the next pages name', async () => {
    const { cloud, seen } = await cloudOf(({ path }) => {
      const marker = new URL(path, 'http://x').searchParams.get('marker');
      const page = marker === null ? 1 : Number(marker) + 1;
      const network = { id: String(page), name: `n${page}`, status: 'ACTIVE' };
      const href = `http://internal.test:9696/elsewhere?router%3Aexternal=true&marker=${page}`;
      const links =
        page < 3
          ? [
              { rel: 'previous', href: 'http://x/' },
              { rel: 'next', href },
            ]
          : [];
      return { json: { networks: [network], networks_links: links } };
    });
    const networks = await cloud.network.listNetworks({ external: true });
    assert.deepEqual(
      networks.map(({ id }) => id),
      ['1', '2', '3'],
    );
    assert.equal(seen.at(-1)?.path, '/v2.0/networks?router%3Aexternal=true&marker=2');
  });

  it('fails when the pages never end', async () => {
    const { cloud } = await cloudOf(() => ({
      json: {
        networks: [{ id: '1', name: 'n', status: 'ACTIVE' }],
        networks_links: [{ rel: 'next', href: '?marker=1' }],
      },
    }));
    await assert.rejects(
      cloud.network.listNetworks(),
      /the list \/networks of Neutron never ends: the service returns page after page/,
    );
  });
});

describe('the address of an API version', () => {
  const cases: [string, string, string][] = [
    ['http://h:8774', 'v2.1', 'http://h:8774/v2.1'],
    ['http://h:8774/v2.1/', 'v2.1', 'http://h:8774/v2.1'],
    ['http://h:8774/v2/0123456789abcdef', 'v2.1', 'http://h:8774/v2.1'],
    ['http://h/compute/v2.1/0123456789abcdef', 'v2.1', 'http://h/compute/v2.1'],
    ['https://h/image', 'v2', 'https://h/image/v2'],
    ['https://h/image/v2/', 'v2', 'https://h/image/v2'],
    ['http://h:9696/', 'v2.0', 'http://h:9696/v2.0'],
    ['http://h:8776/v3/0123456789abcdef', 'v3/p', 'http://h:8776/v3/p'],
    ['https://h/volume/v3', 'v3/p', 'https://h/volume/v3/p'],
    ['http://h:9696/networking', 'v2.0', 'http://h:9696/networking/v2.0'],
  ];
  for (const [endpoint, version, address] of cases) {
    it(`is ${address} for ${endpoint}`, () => assert.equal(buildVersionedEndpoint(endpoint, version), address));
  }
});
