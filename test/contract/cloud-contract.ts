import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FactoryError, type ErrorType } from '../../src/build/errors.js';
import { connectCloud } from '../../src/openstack/index.js';
import type { CloudSettings } from '../../src/openstack/settings.js';
import type { Cloud, CreateServer, Flavor, Image, Server } from '../../src/openstack/types.js';

/** Bytes of the images that are uploaded: an empty disk, which no machine can boot but every hypervisor starts. */
const DISK = Buffer.alloc(1024 * 1024);
/** Milliseconds that a cloud may take for one change of a server or an image. */
const PATIENCE = 180_000;

/** Asks until the answer is a wanted one. */
async function eventually<T>(what: string, ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(answer)} after ${PATIENCE / 1000} s`);
    await delay(300);
  }
}

/** The failure of a call, which must be one of ours. */
async function failure(promise: Promise<unknown>, type: ErrorType): Promise<FactoryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FactoryError, `expected ${type}, got ${String(error)}`);
  assert.equal(error.type, type, error.message);
  return error;
}

function publicKey(comment: string): string {
  const { publicKey: key } = generateKeyPairSync('ed25519');
  const raw = key.export({ type: 'spki', format: 'der' }).subarray(-32);
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)]);
  return `ssh-ed25519 ${blob.toString('base64')} ${comment}`;
}

function smallest(flavors: Flavor[]): Flavor {
  const [first] = flavors.toSorted((a, b) => a.ram - b.ram);
  assert.ok(first !== undefined, 'the cloud has no flavor');
  return first;
}

/** Things of one run, all marked with its tag, so that runs do not see each other. */
class Bench {
  readonly tag = `contract=${randomUUID()}`;
  private readonly undo: (() => Promise<void>)[] = [];

  constructor(readonly cloud: Cloud) {}

  name(what: string): string {
    return `contract-${what}-${this.tag.slice(-8)}`;
  }

  /** Runs at the end, the last first, whatever happens. */
  later(undo: () => Promise<void>): void {
    this.undo.unshift(undo);
  }

  async clear(): Promise<void> {
    for (const undo of this.undo) await undo();
  }

  async queuedImage(properties: Record<string, string> = {}): Promise<Image> {
    const id = randomUUID();
    this.later(() => this.cloud.image.deleteImage(id));
    return this.cloud.image.createImage({
      id,
      name: this.name('image'),
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'private',
      tags: ['contract', this.tag],
      properties,
    });
  }

  async activeImage(properties: Record<string, string> = {}): Promise<Image> {
    const { id } = await this.queuedImage(properties);
    await this.cloud.image.uploadImage(id, Readable.from([DISK]), { size: DISK.length });
    const image = await this.cloud.image.getImage(id);
    assert.equal(image?.status, 'active');
    return image;
  }

  async server(request: Partial<CreateServer> = {}): Promise<{ id: string; networkName: string }> {
    const { compute, network } = this.cloud;
    const networks = await network.listNetworks();
    const usable = networks.find((candidate) => candidate.subnets.length > 0);
    assert.ok(usable !== undefined, 'the cloud has no network');
    const { id } = await compute.createServer({
      name: this.name('server'),
      // Nobody in there answers the power button: Nova need not wait for it.
      imageRef: request.imageRef ?? (await this.activeImage({ os_shutdown_timeout: '1' })).id,
      flavorRef: smallest(await compute.listFlavors()).id,
      networks: [{ uuid: usable.id }],
      ...request,
    });
    this.later(() => this.removeServer(id));
    return { id, networkName: usable.name };
  }

  async removeServer(id: string): Promise<void> {
    await this.cloud.compute.deleteServer(id);
    await eventually('server deleted', () => this.cloud.compute.getServer(id), isGone);
  }

  async serverIn(id: string, status: string): Promise<Server> {
    const server = await eventually(
      `server ${status}`,
      () => this.cloud.compute.getServer(id),
      (found) =>
        found === undefined ||
        found.status === 'ERROR' ||
        (found.status === status && found['OS-EXT-STS:task_state'] === null),
    );
    assert.ok(server !== undefined, 'the server is gone');
    assert.equal(server.status, status, server.fault?.message);
    return server;
  }
}

function isGone(server: Server | undefined): boolean {
  return server === undefined || server.status === 'DELETED';
}

/**
 * What this program relies on in a cloud. The cases run unchanged against every cloud, so that one which stands in for
 * OpenStack in other tests is known to behave like it. Everything that they make is removed at the end.
 * @param name of the cloud, for the report
 * @param connect answers how to reach it: a user who may create servers in a project, by password
 */
export function describeCloudContract(name: string, connect: () => Promise<CloudSettings>): void {
  describe(`the contract with a cloud: ${name}`, { timeout: 10 * 60_000 }, () => {
    let settings: CloudSettings;
    let cloud: Cloud;
    let bench: Bench;
    const others: Cloud[] = [];

    /** The same cloud, reached in another way. */
    function reached(change: Partial<CloudSettings>): Cloud {
      const other = connectCloud({ ...settings, ...change });
      others.push(other);
      return other;
    }

    before(async () => {
      settings = await connect();
      cloud = connectCloud(settings);
      bench = new Bench(cloud);
    });

    after(async () => {
      await bench.clear();
      await Promise.all([cloud, ...others].map((one) => one.close()));
    });

    describe('identity', () => {
      it('signs in, and says to which project', async () => {
        assert.match(await cloud.projectId(), /^[0-9a-f-]{32,36}$/);
      });

      it('finds the Identity API when the address has no version', async () => {
        const other = reached({ authUrl: settings.authUrl.replace(/\/v3\/?$/, '') });
        assert.equal(await other.projectId(), await cloud.projectId());
      });

      it('refuses a wrong password and says who was refused', async () => {
        assert.equal(settings.credentials.method, 'password');
        const other = reached({ credentials: { ...settings.credentials, password: 'not-the-password' } });
        const error = await failure(other.projectId(), 'AuthenticationFailed');
        assert.equal(error.status, 401);
        assert.equal(error.retryable, false);
        assert.match(error.message, /cannot sign in .* as user .* requires authentication/);
        assert.doesNotMatch(error.message, /not-the-password/);
        assert.match(error.requestId ?? '', /^req-/);
      });

      it('refuses a project that does not exist', async () => {
        const other = reached({ project: { name: bench.name('project'), domain: { id: 'default' } } });
        await failure(other.projectId(), 'AuthenticationFailed');
      });

      it('has compute, image and network in its catalogue, and says so of a region that it has not', async () => {
        const other = reached({ region: 'no-such-region' });
        const error = await failure(other.image.listImages(), 'NotFound');
        assert.match(error.message, /no public endpoint of type image in region no-such-region: it has .*public in/);
      });
    });

    describe('compute', () => {
      it('lists flavors, and finds one by id and by name', async () => {
        const flavor = smallest(await cloud.compute.listFlavors());
        assert.deepEqual(await cloud.compute.findFlavor(flavor.id), flavor);
        assert.deepEqual(await cloud.compute.findFlavor(flavor.name), flavor);
        assert.equal(await cloud.compute.findFlavor(bench.name('flavor')), undefined);
      });

      it('tells the limits of the project', async () => {
        const limits = await cloud.compute.limits();
        for (const key of ['maxTotalInstances', 'totalInstancesUsed', 'maxTotalCores', 'maxTotalRAMSize']) {
          assert.equal(typeof limits[key], 'number', key);
        }
      });

      it('imports a key pair once, and deletes it twice', async () => {
        const { compute } = cloud;
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

      it('refuses a public key that is none', async () => {
        await failure(cloud.compute.createKeyPair(bench.name('bad-key'), 'not a key'), 'BadRequest');
      });

      it('knows no server that it does not have', async () => {
        const id = randomUUID();
        assert.equal(await cloud.compute.getServer(id), undefined);
        assert.equal(await cloud.compute.consoleOutput(id), '');
        await cloud.compute.deleteServer(id);
        const error = await failure(cloud.compute.stopServer(id), 'NotFound');
        assert.match(error.message, new RegExp(`Nova .* refused POST .*/servers/${id}/action \\(404\\): .*${id}`));
        assert.match(error.requestId ?? '', /^req-/);
        assert.deepEqual(await cloud.compute.listServers({ tags: [bench.name('none')] }), []);
      });

      it('refuses a server of an unknown flavor or image in words of its own', async () => {
        const request = { name: bench.name('refused'), imageRef: randomUUID(), networks: 'none' as const };
        const flavor = smallest(await cloud.compute.listFlavors());
        const noFlavor = await failure(
          cloud.compute.createServer({ ...request, flavorRef: randomUUID() }),
          'BadRequest',
        );
        assert.match(noFlavor.message, /Flavor .* could not be found/);
        const noImage = await failure(cloud.compute.createServer({ ...request, flavorRef: flavor.id }), 'BadRequest');
        assert.match(noImage.message, /Can not find requested image/);
      });

      it('says which quota does not allow what is asked for', async (context) => {
        const limit = (await cloud.compute.limits())['maxTotalInstances'] ?? -1;
        if (limit < 0 || limit >= 1000) {
          context.skip('the project has no limit that a request for 1000 servers exceeds');
          return;
        }
        const image = await bench.activeImage();
        const request = {
          name: bench.name('many'),
          imageRef: image.id,
          flavorRef: smallest(await cloud.compute.listFlavors()).id,
          networks: 'none' as const,
          min_count: 1000,
          max_count: 1000,
        };
        const error = await failure(cloud.compute.createServer(request), 'QuotaExceeded');
        assert.equal(error.status, 403);
        assert.equal(error.retryable, true);
        assert.match(error.message, /Quota exceeded for .*instances.*: Requested .*1000.*, but already used/);
      });

      it('runs a server from its creation over its snapshot to its end', async () => {
        const { compute, image } = cloud;
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

        assert.equal(typeof (await compute.consoleOutput(id, 5)), 'string');
        const traffic = await compute.traffic(id);
        if (traffic !== undefined) assert.ok(traffic.disk >= 0 && traffic.network >= 0);
        const [port] = await cloud.network.listPorts({ device_id: id });
        assert.equal(port?.fixed_ips[0]?.ip_address, address.addr);

        await compute.stopServer(id);
        const stopped = await bench.serverIn(id, 'SHUTOFF');
        assert.equal(stopped['OS-EXT-STS:power_state'], 4);
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
        assert.equal(snapshot['os_shutdown_timeout'], '1', 'a snapshot inherits what its server was booted with');
        await bench.serverIn(id, 'SHUTOFF');

        await bench.removeServer(id);
        await compute.deleteServer(id);
        assert.deepEqual(await compute.listServers({ tags: [bench.tag] }), []);
        await failure(compute.createServerImage(id, bench.name('late'), {}), 'NotFound');
      });
    });

    describe('image', () => {
      it('takes an image with our own id, once', async () => {
        const image = await bench.queuedImage({ contract_property: 'a b' });
        assert.equal(image.status, 'queued');
        assert.equal(image['contract_property'], 'a b');
        const request = { id: image.id, name: 'another', disk_format: 'raw', container_format: 'bare' };
        const error = await failure(cloud.image.createImage(request), 'Conflict');
        assert.match(error.message, /already exists/);
        assert.match(error.requestId ?? '', /^req-/);
        await cloud.image.deleteImage(image.id);
        await cloud.image.deleteImage(image.id);
        assert.equal(await cloud.image.getImage(image.id), undefined);
        // The id of a deleted image is used up, or free again: never anything else.
        await cloud.image.createImage(request).catch((reason: unknown) => {
          assert.ok(reason instanceof FactoryError && reason.type === 'Conflict');
        });
      });

      it('takes bytes and gives them back with the digest that it promises', async () => {
        const { id } = await bench.queuedImage();
        const seen: number[] = [];
        const chunks = [DISK.subarray(0, 1000), DISK.subarray(1000)];
        await cloud.image.uploadImage(id, Readable.from(chunks), { onProgress: (bytes) => seen.push(bytes) });
        assert.equal(seen.at(-1), DISK.length);
        const image = await cloud.image.getImage(id);
        assert.equal(image?.status, 'active');
        assert.equal(image.size, DISK.length);
        assert.equal(image.checksum, createHash('md5').update(DISK).digest('hex'));
        assert.equal(image.os_hash_algo, 'sha512');
        assert.equal(image.os_hash_value, createHash('sha512').update(DISK).digest('hex'));
        const { data, size } = await cloud.image.downloadImage(id);
        assert.equal(size, DISK.length);
        assert.ok((await buffer(data)).equals(DISK));
        const error = await failure(cloud.image.uploadImage(id, Readable.from([DISK])), 'Conflict');
        assert.match(error.message, /Glance .* refused PUT .*\/file \(409\)/);
      });

      it('lists images by tags, name and properties', async () => {
        const tag = `contract=${randomUUID()}`;
        const image = await bench.queuedImage({ contract_list: tag });
        const { image: images } = cloud;
        const ids = async (query: Parameters<typeof images.listImages>[0]): Promise<string[]> =>
          (await images.listImages(query)).map((found) => found.id);
        assert.deepEqual(await ids({ properties: { contract_list: tag } }), [image.id]);
        assert.deepEqual(await ids({ properties: { contract_list: 'other' } }), []);
        await images.updateImage(image.id, [{ op: 'replace', path: '/tags', value: ['contract', tag] }]);
        assert.deepEqual(await ids({ tags: ['contract', tag] }), [image.id]);
        assert.deepEqual(await ids({ tags: [tag], name: image.name ?? '' }), [image.id]);
        assert.deepEqual(await ids({ tags: [tag, 'another'] }), []);
      });

      it('adds, replaces and removes properties', async () => {
        const { id } = await bench.queuedImage({ contract_old: '1', contract_gone: '1' });
        const image = await cloud.image.updateImage(id, [
          { op: 'add', path: '/contract_new', value: 'n' },
          { op: 'replace', path: '/contract_old', value: '2' },
          { op: 'remove', path: '/contract_gone' },
          { op: 'replace', path: '/name', value: bench.name('renamed') },
          { op: 'replace', path: '/min_disk', value: 3 },
        ]);
        assert.deepEqual(
          [image['contract_new'], image['contract_old'], image['contract_gone'], image.name, image.min_disk],
          ['n', '2', undefined, bench.name('renamed'), 3],
        );
        assert.equal((await cloud.image.getImage(id))?.['contract_new'], 'n');
        await failure(cloud.image.updateImage(id, [{ op: 'remove', path: '/contract_none' }]), 'Conflict');
      });

      it('knows no image that it does not have', async () => {
        const id = randomUUID();
        assert.equal(await cloud.image.getImage(id), undefined);
        const download = await failure(cloud.image.downloadImage(id), 'NotFound');
        assert.match(download.message, /Glance .* refused GET .* \(404\): No image found with ID/);
        await failure(cloud.image.uploadImage(id, Readable.from([DISK])), 'NotFound');
        await failure(cloud.image.updateImage(id, [{ op: 'add', path: '/a', value: 'b' }]), 'NotFound');
      });

      it('gives no bytes of an image that has none', async () => {
        const { id } = await bench.queuedImage();
        await failure(cloud.image.downloadImage(id), 'ImageFailed');
      });

      it('refuses a disk format that it does not know', async () => {
        const request = { name: bench.name('bad'), disk_format: 'punched-cards', container_format: 'bare' };
        await failure(cloud.image.createImage(request), 'BadRequest');
      });
    });

    describe('network', () => {
      it('lists networks, and finds one by id and by name', async () => {
        const [network] = await cloud.network.listNetworks();
        assert.ok(network !== undefined);
        assert.equal((await cloud.network.findNetwork(network.id))?.name, network.name);
        assert.equal((await cloud.network.findNetwork(network.name))?.name, network.name);
        assert.equal(await cloud.network.findNetwork(bench.name('network')), undefined);
        const external = await cloud.network.listNetworks({ external: true });
        assert.ok(external.every((found) => found['router:external']));
      });

      it('makes a security group with tags and a rule, and takes the rule once', async () => {
        const { network } = cloud;
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

      it('gives a floating IP with tags, and takes it back twice', async () => {
        const { network } = cloud;
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

      it('refuses a floating IP from a network that it does not have', async () => {
        const request = { floating_network_id: randomUUID(), description: bench.name('none'), tags: [] };
        await failure(cloud.network.createFloatingIp(request), 'NotFound');
      });

      it('says to which external network a router leads, where there is one', async () => {
        const networks = await cloud.network.listNetworks();
        const external = new Set((await cloud.network.listNetworks({ external: true })).map(({ id }) => id));
        for (const { id } of networks) {
          const leadsTo = await cloud.network.externalNetworkOf(id);
          if (leadsTo !== undefined) assert.ok(external.has(leadsTo));
        }
      });
    });
  });
}
