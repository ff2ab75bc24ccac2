import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { generateKeyPair } from '../../src/guest/keys.js';
import { FakeCloud } from '../fakes/openstack/fake-cloud.js';

const run = promisify(execFile);
const installed = await run('openstack', ['--version']).then(
  () => true,
  () => false,
);

/**
 * Checks that the `openstack` command works with the fake cloud. This command shows that the fake cloud works with a
 * client that is not ours.
 */
describe(
  'the openstack command with the fake cloud',
  { skip: !installed && 'python3-openstackclient is not installed' },
  () => {
    let cloud: FakeCloud;
    let directory: string;
    before(async () => {
      cloud = await FakeCloud.start({ speedUp: 20 });
      directory = await mkdtemp(join(tmpdir(), 'openstackclient-'));
      await writeFile(join(directory, 'clouds.yaml'), cloud.cloudsYaml());
      await writeFile(join(directory, 'disk'), Buffer.alloc(2000, 'disk'));
      await writeFile(join(directory, 'key.pub'), generateKeyPair().publicKey);
    });
    after(async () => {
      await cloud.close();
      await rm(directory, { recursive: true, force: true });
    });

    /** Runs one `openstack` command, and returns its standard output. */
    async function quietly(...words: string[]): Promise<string> {
      const env = {
        PATH: process.env['PATH'],
        HOME: directory,
        OS_CLOUD: 'fake',
        OS_COMPUTE_API_VERSION: '2.90',
        NO_PROXY: '127.0.0.1',
      };
      return (await run('openstack', words, { cwd: directory, env })).stdout;
    }

    async function openstack(...words: string[]): Promise<unknown> {
      const text = await quietly(...words, '-f', 'json');
      return text.trim() === '' ? undefined : (JSON.parse(text.slice(text.search(/[[{]/))) as unknown);
    }

    it('lists flavors and networks', async () => {
      const [flavors, networks] = (await Promise.all([openstack('flavor', 'list'), openstack('network', 'list')])) as {
        Name: string;
      }[][];
      assert.deepEqual(flavors?.map(({ Name }) => Name), ['m1.tiny', 'm1.small', 'm1.medium']); // prettier-ignore
      assert.deepEqual(networks?.map(({ Name }) => Name), ['private', 'public']); // prettier-ignore
    });

    it('uploads an image, boots a server from it, takes a snapshot, and deletes all of them', async () => {
      await Promise.all([
        openstack(
          'image',
          'create',
          '--file',
          'disk',
          '--disk-format',
          'raw',
          '--property',
          'os_distro=debian',
          '--tag',
          'a=b',
          'disk',
        ),
        openstack('keypair', 'create', '--public-key', 'key.pub', 'key'),
        openstack('security', 'group', 'create', 'guest'),
      ]);
      const booted = [
        '--image',
        'disk',
        '--flavor',
        'm1.small',
        '--network',
        'private',
        '--key-name',
        'key',
        '--security-group',
        'guest',
      ];
      await openstack('server', 'create', ...booted, '--property', 'role=test', '--wait', 'machine');
      const [servers, server, console] = await Promise.all([
        openstack('server', 'list'),
        openstack('server', 'show', 'machine'),
        quietly('console', 'log', 'show', 'machine'),
      ]);
      const [listed] = servers as Record<string, unknown>[];
      assert.deepEqual(
        [listed?.['Name'], listed?.['Status'], listed?.['Image'], listed?.['Flavor']],
        ['machine', 'ACTIVE', 'disk', 'm1.small'],
      );
      const { properties, key_name: key } = server as Record<string, unknown>;
      assert.deepEqual([properties, key], [{ role: 'test' }, 'key']);
      assert.equal(typeof console, 'string');
      const image = (await openstack('server', 'image', 'create', '--name', 'snapshot', '--wait', 'machine')) as Record<
        string,
        unknown
      >;
      assert.equal(image['status'], 'active');
      await Promise.all([
        quietly('image', 'save', '--file', 'saved', 'disk'),
        quietly('server', 'delete', '--wait', 'machine'),
      ]);
      assert.deepEqual(await readFile(join(directory, 'saved')), Buffer.alloc(2000, 'disk'));
      await quietly('image', 'delete', 'disk', 'snapshot');
      assert.deepEqual(cloud.leftovers().map(({ kind, name }) => `${kind} ${name}`), ['key pair key', 'security group guest']); // prettier-ignore
    });

    it('creates a volume from an image, boots a server from it, and deletes all of them', async () => {
      await openstack('image', 'create', '--file', 'disk', '--disk-format', 'raw', 'bootable');
      await openstack('volume', 'create', '--size', '1', '--image', 'bootable', '--property', 'a=b', 'root');
      const show = async (): Promise<Record<string, unknown>> =>
        (await openstack('volume', 'show', 'root')) as Record<string, unknown>;
      while ((await show())['status'] !== 'available');
      await openstack('server', 'create', '--volume', 'root', '--flavor', 'm1.small', '--network', 'private', '--wait', 'machine'); // prettier-ignore
      const [server, volume, volumes] = await Promise.all([
        openstack('server', 'show', 'machine'),
        show(),
        openstack('volume', 'list', '--name', 'root'),
      ]);
      assert.match(String((server as Record<string, unknown>)['image']), /booted from volume/);
      assert.deepEqual([volume['status'], volume['properties'], volume['bootable']], ['in-use', { a: 'b' }, 'true']);
      assert.deepEqual((volumes as Record<string, unknown>[]).map(({ Name }) => Name), ['root']); // prettier-ignore
      await quietly('server', 'delete', '--wait', 'machine');
      await Promise.all([quietly('volume', 'delete', 'root'), quietly('image', 'delete', 'bootable')]);
      const left = cloud.leftovers().filter(({ kind }) => kind === 'server' || kind === 'image');
      assert.deepEqual(left, []);
    });

    it('prints an error that names the image that does not exist', async () => {
      await assert.rejects(
        openstack('image', 'show', 'no-such'),
        /No Image found for no-such|Could not find resource no-such/,
      );
      await assert.rejects(openstack('server', 'create', '--image', 'no-such', '--flavor', 'm1.small', 'x'), /no-such/);
    });
  },
);
