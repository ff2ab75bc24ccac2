import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { connectCloud } from '../../../../src/openstack/index.js';
import { type Reply, type Seen, serveCloud, settingsFor } from '../local-service.js';

async function neutron(reply: (seen: Seen) => Reply) {
  const service = await serveCloud(reply);
  const cloud = connectCloud(settingsFor(service.origin));
  after(() => cloud.close());
  return { network: cloud.network, seen: service.seen };
}

const ADDRESS = { id: 'a', floating_ip_address: '203.0.113.9', floating_network_id: 'n', status: 'DOWN' };

describe('Neutron', () => {
  it('creates a floating IP with its description, and then sets its tags', async () => {
    const { network, seen } = await neutron(({ method }) =>
      method === 'POST' ? { status: 201, json: { floatingip: ADDRESS } } : { json: { tags: ['x'] } },
    );
    const made = await network.createFloatingIp({
      floating_network_id: 'n',
      port_id: 'p',
      description: 'd',
      tags: ['x'],
    });
    assert.deepEqual(made.tags, ['x']);
    const [create, tag] = seen.slice(-2);
    assert.deepEqual(JSON.parse(create?.body ?? ''), {
      floatingip: { floating_network_id: 'n', port_id: 'p', description: 'd' },
    });
    assert.equal(`${tag?.method} ${tag?.path} ${tag?.body}`, 'PUT /v2.0/floatingips/a/tags {"tags":["x"]}');
  });

  it('lists security groups that carry every tag', async () => {
    const { network, seen } = await neutron(() => ({ json: { security_groups: [] } }));
    assert.deepEqual(await network.listSecurityGroups({ tags: ['x', 'y=z'] }), []);
    assert.equal(new URL(seen.at(-1)?.path ?? '', 'http://x').searchParams.get('tags'), 'x,y=z');
  });

  it('finds a network by id first, then by name, and fails when several networks have the name', async () => {
    const named = (id: string) => ({ id, name: 'net', status: 'ACTIVE' });
    const { network } = await neutron(({ path }) => {
      if (path.endsWith('/networks/n1')) return { json: { network: named('n1') } };
      if (path.includes('name=net')) return { json: { networks: [named('n1'), named('n2')] } };
      if (path.includes('name=')) return { json: { networks: [] } };
      return { status: 404 };
    });
    assert.equal((await network.findNetwork('n1'))?.id, 'n1');
    assert.equal(await network.findNetwork('none'), undefined);
    await assert.rejects(network.findNetwork('net'), /several networks named net: n1, n2/);
  });

  const routers: [string, string, unknown, string | undefined][] = [
    ['a router', 'network:router_interface', { network_id: 'ext' }, 'ext'],
    ['a distributed router', 'network:router_interface_distributed', { network_id: 'ext' }, 'ext'],
    ['a highly available router', 'network:ha_router_replicated_interface', { network_id: 'ext' }, 'ext'],
    ['a router without a gateway', 'network:router_interface', null, undefined],
    ['only a DHCP agent', 'network:dhcp', { network_id: 'ext' }, undefined],
  ];
  for (const [what, owner, gateway, external] of routers) {
    it(`finds the external network, or none, of a network with ${what}`, async () => {
      const port = { id: 'p', device_id: 'r', device_owner: owner, network_id: 'n', status: 'ACTIVE' };
      const { network } = await neutron(({ path }) =>
        path.includes('/ports')
          ? { json: { ports: [port] } }
          : { json: { router: { external_gateway_info: gateway } } },
      );
      assert.equal(await network.findExternalNetwork('n'), external);
    });
  }
});
