import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { connectCloud } from '../../../../src/openstack/index.js';
import { type Reply, type Seen, serveCloud, settingsFor } from '../local-service.js';

async function nova(reply: (seen: Seen) => Reply) {
  const service = await serveCloud(reply);
  const cloud = connectCloud(settingsFor(service.origin));
  after(() => cloud.close());
  return { compute: cloud.compute, seen: service.seen };
}

const SERVER = {
  id: 's',
  name: 'a.b',
  status: 'ACTIVE',
  metadata: {},
  addresses: {},
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:vm_state': 'active',
  created: '2026-01-01T00:00:00Z',
};

describe('Nova', () => {
  it('is called with a microversion that is chosen once', async () => {
    const { compute, seen } = await nova(() => ({ json: { servers: [] } }));
    await Promise.all([compute.listServers(), compute.listServers(), compute.listServers()]);
    assert.equal(seen.filter(({ path }) => path === '/v2.1/').length, 1);
    const versions = seen
      .filter(({ path }) => path.startsWith('/v2.1/servers'))
      .map(({ headers }) => headers['openstack-api-version']);
    assert.deepEqual(versions, ['compute 2.93', 'compute 2.93', 'compute 2.93']);
  });

  it('lists servers by their exact name, although its name filter is a regular expression', async () => {
    const { compute, seen } = await nova(() => ({ json: { servers: [SERVER, { ...SERVER, id: 't', name: 'axb' }] } }));
    assert.deepEqual(
      (await compute.listServers({ name: 'a.b', tags: ['x', 'y'] })).map(({ id }) => id),
      ['s'],
    );
    const { searchParams } = new URL(seen.at(-1)?.path ?? '', 'http://x');
    assert.deepEqual([searchParams.get('name'), searchParams.get('tags')], ['^a\\.b$', 'x,y']);
  });

  it('may return only an id and a few fields for a server in a cell that is down', async () => {
    const { compute } = await nova(() => ({
      json: { servers: [{ id: 's', status: 'UNKNOWN', created: '2026-01-01T00:00:00Z', links: [] }] },
    }));
    const [server] = await compute.listServers();
    assert.deepEqual(
      [server?.status, server?.name, server?.metadata, server?.['OS-EXT-STS:task_state']],
      ['UNKNOWN', '', {}, null],
    );
  });

  it('returns the fault of a server in ERROR', async () => {
    const fault = { code: 500, message: 'No valid host was found.', created: '2026-01-01T00:00:00Z' };
    const { compute } = await nova(() => ({ json: { server: { ...SERVER, status: 'ERROR', fault } } }));
    assert.deepEqual((await compute.getServer('s'))?.fault, fault);
  });

  it('gets an id as one escaped part of a path, whatever characters it has', async () => {
    const { compute, seen } = await nova(() => ({ status: 404 }));
    assert.equal(await compute.getServer('../images?x=#y'), undefined);
    assert.equal(seen.at(-1)?.path, '/v2.1/servers/..%2Fimages%3Fx%3D%23y');
  });

  it('returns the id of a snapshot', async () => {
    const { compute, seen } = await nova(() => ({ status: 202, json: { image_id: 'i' } }));
    assert.equal(await compute.createServerImage('s', 'snap', { a: 'b' }), 'i');
    assert.deepEqual(JSON.parse(seen.at(-1)?.body ?? ''), { createImage: { name: 'snap', metadata: { a: 'b' } } });
  });

  it('returns the console, or an empty text when there is no console', async () => {
    const replies: [Reply, string][] = [
      [{ json: { output: 'login: ' } }, 'login: '],
      [{ json: { output: null } }, ''],
      [{ status: 404, json: { itemNotFound: { message: 'Guest does not have a console available.' } } }, ''],
      [{ status: 409, json: { conflictingRequest: { message: 'Instance is not ready' } } }, ''],
      [{ status: 501, json: { notImplemented: { message: 'no console' } } }, ''],
    ];
    for (const [reply, output] of replies) {
      const { compute, seen } = await nova(() => reply);
      assert.equal(await compute.getConsoleOutput('s', 7), output);
      assert.deepEqual(JSON.parse(seen.at(-1)?.body ?? ''), { 'os-getConsoleOutput': { length: 7 } });
    }
    const { compute } = await nova(() => ({ status: 503 }));
    await assert.rejects(compute.getConsoleOutput('s'), FactoryError);
  });

  it('returns the traffic of a server, or undefined when it is not available', async () => {
    const diagnostics = {
      disk_details: [
        { read_bytes: 1, write_bytes: 2, errors_count: -1 },
        { read_bytes: 10, write_bytes: null },
      ],
      nic_details: [{ rx_octets: 100, tx_octets: 200, mac_address: 'x' }],
    };
    const replies: [Reply, object | undefined][] = [
      [{ json: diagnostics }, { disk: 13, network: 300 }],
      [{ json: { disk_details: [], nic_details: [] } }, { disk: 0, network: 0 }],
      [{ status: 403, json: { forbidden: { message: 'Policy does not allow this' } } }, undefined],
      [{ status: 404 }, undefined],
      [{ status: 409, json: { conflictingRequest: { message: 'not running' } } }, undefined],
      [{ status: 501 }, undefined],
    ];
    for (const [reply, traffic] of replies) {
      const { compute } = await nova(() => reply);
      assert.deepEqual(await compute.getTraffic('s'), traffic);
    }
  });

  it('finds a flavor by id first, then by name', async () => {
    const flavor = { id: 'f', name: 'small', ram: 512, vcpus: 1, disk: 5 };
    const { compute, seen } = await nova(({ path }) =>
      path.endsWith('/flavors/detail') ? { json: { flavors: [flavor] } } : { status: 404 },
    );
    assert.deepEqual(await compute.findFlavor('small'), flavor);
    assert.equal(await compute.findFlavor('large'), undefined);
    assert.deepEqual(
      seen.slice(-4).map(({ path }) => path),
      ['/v2.1/flavors/small', '/v2.1/flavors/detail', '/v2.1/flavors/large', '/v2.1/flavors/detail'],
    );
  });
});
