import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Bench, failure } from './bench.js';

/** Declares the tests of networks, security groups and floating IPs. */
export function describeNetwork(bench: Bench): void {
  describe('network', () => {
    it('lists networks, and finds one by id and by name', async () => {
      const [network] = await bench.cloud.network.listNetworks();
      assert.ok(network !== undefined);
      assert.equal((await bench.cloud.network.findNetwork(network.id))?.name, network.name);
      assert.equal((await bench.cloud.network.findNetwork(network.name))?.name, network.name);
      assert.equal(await bench.cloud.network.findNetwork(bench.name('network')), undefined);
      const external = await bench.cloud.network.listNetworks({ external: true });
      assert.ok(external.every((found) => found['router:external']));
    });

    it('creates a security group with tags and a rule, and refuses the same rule a second time', async () => {
      const { network } = bench.cloud;
      const tag = `contract=${randomUUID()}`;
      const request = { name: bench.name('group'), description: 'a contract', tags: ['contract', tag] };
      const group = await network.createSecurityGroup(request);
      bench.later(() => network.deleteSecurityGroup(group.id));
      assert.deepEqual(group.tags.toSorted(), request.tags.toSorted());
      const rule = {
        direction: 'ingress',
        ethertype: 'IPv4',
        protocol: 'tcp',
        port_range_min: 22,
        port_range_max: 22,
        remote_ip_prefix: '192.0.2.1/32',
      } as const;
      const made = await network.addSecurityGroupRule(group.id, rule);
      assert.deepEqual(made, { id: made.id, ...rule });
      const again = await failure(network.addSecurityGroupRule(group.id, rule), 'Conflict');
      assert.match(again.message, /already exists/);
      const [found, ...more] = await network.listSecurityGroups({ tags: ['contract', tag] });
      assert.deepEqual([found?.id, more.length], [group.id, 0]);
      assert.ok(found?.security_group_rules.some((listed) => listed.id === made.id));
      assert.deepEqual(
        (await network.listSecurityGroups({ name: request.name })).map((listed) => listed.id),
        [group.id],
      );
      assert.deepEqual(await network.listSecurityGroups({ tags: [tag, 'another'] }), []);
      await network.deleteSecurityGroup(group.id);
      await network.deleteSecurityGroup(group.id);
      assert.deepEqual(await network.listSecurityGroups({ tags: [tag] }), []);
      const gone = await failure(network.addSecurityGroupRule(group.id, rule), 'NotFound');
      assert.match(gone.message, /Neutron .* refused POST .*security-group-rules \(404\)/);
      assert.match(gone.requestId ?? '', /^req-/);
    });

    it('creates a floating IP with tags, and accepts its deletion a second time', async () => {
      const { network } = bench.cloud;
      const [external] = await network.listNetworks({ external: true });
      assert.ok(external !== undefined, 'the cloud has no external network');
      const tag = `contract=${randomUUID()}`;
      const address = await network.createFloatingIp({
        floating_network_id: external.id,
        description: bench.name('address'),
        tags: ['contract', tag],
      });
      bench.later(() => network.deleteFloatingIp(address.id));
      assert.equal(address.port_id, null);
      const [found, ...more] = await network.listFloatingIps({ tags: [tag] });
      assert.equal(more.length, 0);
      assert.equal(found?.floating_ip_address, address.floating_ip_address);
      assert.equal(found.description, bench.name('address'));
      assert.deepEqual(found.tags.toSorted(), ['contract', tag].toSorted());
      await network.deleteFloatingIp(address.id);
      await network.deleteFloatingIp(address.id);
      assert.deepEqual(await network.listFloatingIps({ tags: [tag] }), []);
      await failure(network.updateFloatingIp(address.id, { port_id: null }), 'NotFound');
    });

    it('refuses a floating IP from an unknown network', async () => {
      const request = { floating_network_id: randomUUID(), description: bench.name('none'), tags: [] };
      await failure(bench.cloud.network.createFloatingIp(request), 'NotFound');
    });

    it('finds the external network to which a network has a router, if there is one', async () => {
      const networks = await bench.cloud.network.listNetworks();
      const external = new Set((await bench.cloud.network.listNetworks({ external: true })).map(({ id }) => id));
      for (const { id } of networks) {
        const leadsTo = await bench.cloud.network.findExternalNetwork(id);
        if (leadsTo !== undefined) assert.ok(external.has(leadsTo));
      }
    });
  });
}
