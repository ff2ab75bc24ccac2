import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { listSnapshotRemovals } from '../../src/activities/images/image-properties.js';
import { parseTimestamp } from '../../src/http/timestamp.js';
import { type Bench, eventually, failure, publicKey, smallest } from './bench.js';

/** Declares the tests of servers, flavors, key pairs and limits. */
export function describeCompute(bench: Bench): void {
  describe('compute', () => {
    it('lists flavors, and finds one by id and by name', async () => {
      const flavor = smallest(await bench.cloud.compute.listFlavors());
      assert.deepEqual(await bench.cloud.compute.findFlavor(flavor.id), flavor);
      assert.deepEqual(await bench.cloud.compute.findFlavor(flavor.name), flavor);
      assert.equal(await bench.cloud.compute.findFlavor(bench.name('flavor')), undefined);
    });

    it('returns the limits of the project', async () => {
      const limits = await bench.cloud.compute.getLimits();
      for (const key of ['maxTotalInstances', 'totalInstancesUsed', 'maxTotalCores', 'maxTotalRAMSize']) {
        assert.equal(typeof limits[key], 'number', key);
      }
    });

    it('refuses to import a key pair a second time, and accepts its deletion a second time', async () => {
      const { compute } = bench.cloud;
      const pair = bench.name('key');
      const key = publicKey(pair);
      bench.later(() => compute.deleteKeyPair(pair));
      const made = await compute.createKeyPair(pair, key);
      assert.equal(made.public_key.trim(), key);
      assert.equal((await compute.getKeyPair(pair))?.public_key.trim(), key);
      assert.ok((await compute.listKeyPairs()).some((found) => found.name === pair));
      const error = await failure(compute.createKeyPair(pair, key), 'Conflict');
      assert.match(error.message, new RegExp(`Key pair '${pair}' already exists`));
      await compute.deleteKeyPair(pair);
      await compute.deleteKeyPair(pair);
      assert.equal(await compute.getKeyPair(pair), undefined);
    });

    it('refuses a text that is not a public key', async () => {
      await failure(bench.cloud.compute.createKeyPair(bench.name('bad-key'), 'not a key'), 'BadRequest');
    });

    it('finds nothing for the id of a server that does not exist, and refuses to stop it', async () => {
      const id = randomUUID();
      assert.equal(await bench.cloud.compute.getServer(id), undefined);
      assert.equal(await bench.cloud.compute.getConsoleOutput(id), '');
      await bench.cloud.compute.deleteServer(id);
      const error = await failure(bench.cloud.compute.stopServer(id), 'NotFound');
      assert.match(error.message, new RegExp(`Nova .* refused POST .*/servers/${id}/action \\(404\\): .*${id}`));
      assert.match(error.requestId ?? '', /^req-/);
      assert.deepEqual(await bench.cloud.compute.listServers({ tags: [bench.name('none')] }), []);
    });

    it('refuses a server with an unknown flavor or image, and says which of them it cannot find', async () => {
      const request = { name: bench.name('refused'), networks: 'none' as const };
      const imageRef = (await bench.activeImage()).id;
      const flavorRef = smallest(await bench.cloud.compute.listFlavors()).id;
      const noFlavor = bench.cloud.compute.createServer({ ...request, imageRef, flavorRef: randomUUID() });
      assert.match((await failure(noFlavor, 'BadRequest')).message, /Flavor .* could not be found/);
      const noImage = bench.cloud.compute.createServer({ ...request, imageRef: randomUUID(), flavorRef });
      assert.match((await failure(noImage, 'BadRequest')).message, /Can not find requested image/);
    });

    it('names the quota that a request exceeds', async (context) => {
      const limit = (await bench.cloud.compute.getLimits())['maxTotalInstances'] ?? -1;
      if (limit < 0 || limit >= 1000) {
        context.skip('the project has no quota that a request for 1000 servers exceeds');
        return;
      }
      const image = await bench.activeImage();
      const request = {
        name: bench.name('many'),
        imageRef: image.id,
        flavorRef: smallest(await bench.cloud.compute.listFlavors()).id,
        networks: 'none' as const,
        min_count: 1000,
        max_count: 1000,
      };
      const error = await failure(bench.cloud.compute.createServer(request), 'QuotaExceeded');
      assert.equal(error.status, 403);
      assert.equal(error.retryable, true);
      assert.match(error.message, /Quota exceeded for .*instances.*: Requested .*1000.*, but already used/);
    });

    it('creates a server, stops it, takes a snapshot of it and deletes it', async () => {
      const { compute, image } = bench.cloud;
      const metadata = { contract_role: 'life', contract_tag: bench.tag };
      const created = await bench.server({ metadata, tags: ['contract', bench.tag], user_data: 'IyEvYmluL3NoCg==' });
      const { id } = created;

      const server = await bench.serverIn(id, 'ACTIVE');
      assert.equal(server.name, bench.name('server'));
      assert.deepEqual(server.metadata, metadata);
      assert.deepEqual(server.tags?.toSorted(), ['contract', bench.tag].toSorted());
      assert.equal(server['OS-EXT-STS:vm_state'], 'active');
      assert.equal(server['OS-EXT-STS:power_state'], 1);
      const [address] = server.addresses[created.networkName] ?? [];
      assert.equal(address?.['OS-EXT-IPS:type'], 'fixed');

      const listed = await compute.listServers({ tags: ['contract', bench.tag] });
      assert.deepEqual(
        listed.map((found) => found.id),
        [id],
      );
      assert.deepEqual(
        (await compute.listServers({ name: server.name })).map((found) => found.id),
        [id],
      );
      assert.deepEqual(await compute.listServers({ name: server.name.slice(0, -1) }), []);

      assert.equal(typeof (await compute.getConsoleOutput(id, 5)), 'string');
      const traffic = await compute.getTraffic(id);
      if (traffic !== undefined) assert.ok(traffic.disk >= 0 && traffic.network >= 0);
      const [port] = await bench.cloud.network.listPorts({ device_id: id });
      assert.equal(port?.fixed_ips[0]?.ip_address, address.addr);

      await compute.stopServer(id);
      const stopped = await bench.serverIn(id, 'SHUTOFF');
      assert.equal(stopped['OS-EXT-STS:power_state'], 4);
      const [launched, active, off] = [stopped['OS-SRV-USG:launched_at'], server.updated, stopped.updated].map(
        parseTimestamp,
      );
      assert.ok(launched !== undefined && active !== undefined && off !== undefined);
      assert.ok(
        launched - 1000 <= active && active <= off,
        'the times at which the server was launched, ACTIVE and SHUTOFF are not in this order',
      );
      const again = await failure(compute.stopServer(id), 'Conflict');
      assert.match(again.message, /Cannot 'stop' instance .* while it is in vm_state stopped/);

      const snapshotId = await compute.createServerImage(id, bench.name('snapshot'), metadata);
      bench.later(() => image.deleteImage(snapshotId));
      const snapshot = await eventually(
        'snapshot active',
        () => image.getImage(snapshotId),
        (found) => found === undefined || ['active', 'killed', 'deleted'].includes(found.status),
      );
      assert.equal(snapshot?.status, 'active');
      assert.ok((snapshot.size ?? 0) > 0);
      assert.equal(snapshot['contract_role'], 'life');
      assert.equal(
        snapshot['os_shutdown_timeout'],
        '1',
        'the snapshot does not have a property of the image of its server',
      );
      const removals = listSnapshotRemovals(snapshot, {});
      const paths = removals.map(({ path }) => path);
      for (const name of ['base_image_ref', 'image_type', 'instance_uuid', 'owner_user_name', 'user_id'])
        assert.ok(paths.includes(`/${name}`), name);
      assert.deepEqual(listSnapshotRemovals(await image.updateImage(snapshotId, removals), {}), []);
      await bench.serverIn(id, 'SHUTOFF');

      await bench.removeServer(id);
      await compute.deleteServer(id);
      assert.deepEqual(await compute.listServers({ tags: [bench.tag] }), []);
      await failure(compute.createServerImage(id, bench.name('late'), {}), 'NotFound');
    });
  });
}
