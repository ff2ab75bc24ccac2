import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { z } from 'zod';
import { workflowIdFor } from '../../src/domain/image-kinds.js';
import { WORKFLOWS } from '../../src/domain/messages.js';
import type { CloudSweep } from '../../src/domain/sweep-report.js';
import { KEYS, marksOf, resourceName, tagsOf, type BuildRef } from '../../src/domain/names.js';
import { describeCapture } from '../../src/activities/images/own-image.js';
import { run } from '../../src/cli/cli.js';
import { HttpClient } from '../../src/http/http.js';
import { Session } from '../../src/openstack/auth/keystone-session.js';
import { ServiceClient } from '../../src/openstack/auth/service-client.js';
import { testBundle } from '../support/bundle.js';
import { createWorkers, runWorkers } from '../../src/worker/workers.js';
import { startTemporal, temporalEnv } from '../support/temporal.js';
import { RecordingIo } from '../unit/cli/recording-io.js';
import type { Image } from '../../src/openstack/types.js';
import { type Bench, eventually, publicKey } from './bench.js';

/** The id of one resource of each kind that a build can leave behind, by kind. For a key pair the id is its name. */
type Things = Record<'instance' | 'floating IP' | 'port' | 'security group' | 'key pair' | 'image' | 'volume', string>;

const TASK_QUEUE = 'sweeper-contract';

/** Declares the tests of the sweeper, which `imagefactory gc` starts. They use a real Temporal server and a worker. */
export function describeSweeper(bench: Bench): void {
  describe('the sweeper', () => {
    let temporal: TestWorkflowEnvironment;
    let storage: string;
    const stop = new AbortController();
    let running: Promise<void> | undefined;

    before(async () => {
      [temporal, storage] = await Promise.all([startTemporal(), mkdtemp(join(tmpdir(), 'imagefactory-sweeper-'))]);
      const workers = await createWorkers({
        connection: temporal.nativeConnection,
        client: temporal.client,
        taskQueue: TASK_QUEUE,
        bundle: { codePath: await testBundle() },
        clouds: { get: () => bench.cloud, names: () => [bench.settings.name], close: () => Promise.resolve() },
        storagePath: storage,
        cachePath: storage,
        release: '0.0.0-test',
      });
      running = runWorkers(workers, stop.signal);
    });
    after(async () => {
      stop.abort();
      await running;
      await temporal?.teardown();
      await rm(storage, { recursive: true, force: true });
    });

    /**
     * Starts a build and terminates it. The build has then ended in Temporal, but its resources are still in the cloud.
     */
    async function terminatedBuild(): Promise<BuildRef> {
      const uuid = randomUUID();
      const workflowId = workflowIdFor('base_image', uuid);
      const handle = await temporal.client.workflow.start(WORKFLOWS.baseImage, { workflowId, taskQueue: 'nobody' });
      await handle.terminate('by the contract');
      return { uuid, workflowId, cloud: bench.settings.name };
    }

    async function port(name: string, tags: string[]): Promise<string> {
      const http = new HttpClient(bench.settings.name, bench.settings.tls);
      try {
        const neutron = new ServiceClient(new Session(http, bench.settings), 'network', 'Neutron', 'v2.0');
        const networks = await bench.cloud.network.listNetworks();
        const network = networks.find((one) => one.subnets.length > 0 && !one['router:external']);
        const json = { port: { network_id: network?.id, name } };
        const answer = z.object({ port: z.object({ id: z.string() }) });
        const { id } = (await neutron.requestJson({ method: 'POST', path: '/ports', json }, answer)).port;
        bench.later(() => bench.cloud.network.deletePort(id));
        if (tags.length > 0) await neutron.send({ method: 'PUT', path: `/ports/${id}/tags`, json: { tags } });
        return id;
      } finally {
        await http.close();
      }
    }

    /** Creates an image of a build, with its own id among its marks. */
    async function ownImage(ref: BuildRef): Promise<Image> {
      const image = await bench.activeImage({ ...marksOf(ref, 'boot', 'contract'), os_shutdown_timeout: '1' });
      return bench.cloud.image.updateImage(image.id, [{ op: 'add', path: `/${KEYS.id}`, value: image.id }]);
    }

    async function activeImage(id: string): Promise<Image> {
      bench.later(() => bench.cloud.image.deleteImage(id));
      const image = await eventually(
        'image active',
        () => bench.cloud.image.getImage(id),
        (found) => found === undefined || ['active', 'killed', 'deleted'].includes(found.status),
      );
      assert.equal(image?.status, 'active');
      return image;
    }

    async function availableVolume(id: string): Promise<void> {
      await eventually(
        'volume available',
        () => bench.cloud.volume.getVolume(id),
        (found) => found === undefined || found.status === 'available' || found.status.startsWith('error'),
      );
    }

    /**
     * Creates one resource of each kind. With `ref` the resources get the marks of that build. Without `ref` they get
     * no marks of imagefactory.
     */
    async function make(ref?: BuildRef): Promise<Things> {
      const { network, compute } = bench.cloud;
      const name = (role: string): string =>
        ref === undefined ? bench.name(`not-ours-${role}`) : resourceName(ref, role);
      const tags = (role: string): string[] => (ref === undefined ? [] : tagsOf(ref, role));
      const marks = (role: string): Record<string, string> => (ref === undefined ? {} : marksOf(ref, role, 'contract'));

      const server = await bench.server({
        name: name('customise'),
        tags: tags('customise'),
        metadata: marks('customise'),
      });
      const image = ref === undefined ? await bench.activeImage() : await ownImage(ref);
      const [external] = await network.listNetworks({ external: true });
      assert.ok(external !== undefined, 'the cloud has no external network');
      const address = await network.createFloatingIp({
        floating_network_id: external.id,
        description: name('address'),
        tags: tags('address'),
      });
      bench.later(() => network.deleteFloatingIp(address.id));
      const group = await network.createSecurityGroup({
        name: name('guest'),
        description: 'left',
        tags: tags('guest'),
      });
      bench.later(() => network.deleteSecurityGroup(group.id));
      await compute.createKeyPair(name('key'), publicKey('contract'));
      bench.later(() => compute.deleteKeyPair(name('key')));
      const { volume } = bench.cloud;
      const disk = await volume.createVolume({ name: name('root'), size: 1, metadata: marks('root') });
      bench.later(() => volume.deleteVolume(disk.id));
      return {
        volume: disk.id,
        instance: server.id,
        image: image.id,
        'floating IP': address.id,
        port: await port(name('port'), tags('port')),
        'security group': group.id,
        'key pair': name('key'),
      };
    }

    /** Returns the kinds of those resources in `things` that still exist. */
    async function present(things: Things): Promise<string[]> {
      const { network, compute, image, volume } = bench.cloud;
      const [addresses, ports, groups] = await Promise.all([
        network.listFloatingIps(),
        network.listPorts({}),
        network.listSecurityGroups(),
      ]);
      const has = (all: { id: string }[], id: string): boolean => all.some((one) => one.id === id);
      const there: Record<keyof Things, boolean> = {
        instance: (await compute.getServer(things.instance)) !== undefined,
        'floating IP': has(addresses, things['floating IP']),
        port: has(ports, things.port),
        'security group': has(groups, things['security group']),
        'key pair': (await compute.getKeyPair(things['key pair'])) !== undefined,
        image: (await image.getImage(things.image)) !== undefined,
        volume: (await volume.getVolume(things.volume)) !== undefined,
      };
      return Object.entries(there).flatMap(([kind, isThere]) => (isThere ? [kind] : []));
    }

    /**
     * Runs `imagefactory gc` for this cloud, with options that keep all JEOS images and installer media.
     *
     * @returns the resources that it lists
     */
    async function sweep(...more: string[]): Promise<CloudSweep['resources']> {
      const io = new RecordingIo(temporalEnv(temporal));
      const sparing = ['--jeos-keep', '1000000', '--unused-for', '9999d'];
      const options = ['--task-queue', TASK_QUEUE, '--output', 'json', '--cloud', bench.settings.name, ...sparing];
      const code = await run(['gc', '--older-than', '0s', ...options, ...more], io);
      assert.equal(code, 0, io.stdout + io.stderr);
      const [swept] = (JSON.parse(io.stdout) as { clouds: CloudSweep[] }).clouds;
      return swept?.resources ?? [];
    }

    /** Runs {@link sweep}, and returns the kind and id of each resource with the given outcome. */
    async function gc(outcome: string, ...more: string[]): Promise<string[]> {
      return (await sweep(...more)).filter((thing) => thing.outcome === outcome).map(({ kind, id }) => `${kind} ${id}`);
    }

    it('removes the resources of a terminated build, of every kind, and no other resources', async () => {
      const ended = await terminatedBuild();
      const [left, others] = await Promise.all([make(ended), make()]);
      // This build was never in Temporal. So the sweeper must assume that it belongs to another Temporal server.
      const foreign: BuildRef = { uuid: randomUUID(), workflowId: '', cloud: bench.settings.name };
      const { network } = bench.cloud;
      const group = await network.createSecurityGroup({
        name: resourceName(foreign, 'guest'),
        description: 'of another build',
        tags: tagsOf(foreign, 'guest'),
      });
      bench.later(() => network.deleteSecurityGroup(group.id));
      const kinds = Object.keys(left).sort();
      await Promise.all([bench.serverIn(left.instance, 'ACTIVE'), bench.serverIn(others.instance, 'ACTIVE')]);
      const { name, marks } = describeCapture(
        { identity: 'contract' },
        { ref: ended, role: 'base' },
        'instance',
        left.instance,
      );
      const unpublished = await activeImage(await bench.cloud.compute.createServerImage(left.instance, name, marks));

      const ours = [...Object.entries(left).map(([kind, id]) => `${kind} ${id}`), `image ${unpublished.id}`].sort();
      // The dry run must list only resources of this test. Otherwise the real sweep below would remove others too.
      assert.deepEqual((await gc('removable', '--dry-run')).sort(), ours);
      assert.deepEqual((await present(left)).sort(), kinds);

      assert.deepEqual((await gc('removed')).sort(), ours);
      assert.deepEqual(await present(left), []);
      assert.equal(await bench.cloud.image.getImage(unpublished.id), undefined);
      assert.deepEqual((await present(others)).sort(), kinds);
      assert.equal((await network.listSecurityGroups({ name: resourceName(foreign, 'guest') })).length, 1);
      assert.deepEqual(await gc('removable', '--dry-run'), []);
    });

    it('does not list or remove what users have made of our images, although the cloud has copied all marks', async () => {
      const { compute, image, volume } = bench.cloud;
      const ended = await terminatedBuild();
      const ours = await ownImage(ended);
      const server = await bench.server({ imageRef: ours.id });
      await bench.serverIn(server.id, 'ACTIVE');
      const snapshot = await activeImage(await compute.createServerImage(server.id, bench.name('my-data'), {}));
      assert.equal(snapshot['instance_uuid'], server.id);
      const disk = await volume.createVolume({ name: bench.name('my-disk'), size: 1, imageRef: ours.id, metadata: {} });
      bench.later(() => volume.deleteVolume(disk.id));
      await availableVolume(disk.id);
      const request = { image_name: bench.name('my-disk'), disk_format: 'raw', container_format: 'bare' };
      const upload = await activeImage(await volume.uploadToImage(disk.id, request));
      await availableVolume(disk.id);
      const copies = [snapshot, upload];
      for (const copy of copies) {
        for (const key of [KEYS.tool, KEYS.build, KEYS.role, KEYS.id]) assert.equal(copy[key], ours[key], key);
      }

      const resources = await sweep('--dry-run');
      assert.deepEqual(
        resources.filter(({ outcome }) => outcome === 'removable').map(({ kind, id }) => `${kind} ${id}`),
        [`image ${ours.id}`],
      );
      const mine = [server.id, disk.id, ...copies.map(({ id }) => id)];
      assert.deepEqual(resources.filter(({ id }) => mine.includes(id)), []); // prettier-ignore
      assert.deepEqual(await gc('removed'), [`image ${ours.id}`]);
      for (const { id } of copies) assert.notEqual(await image.getImage(id), undefined);
    });
  });
}
