import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Mirror } from '../../dev/installer-tree/mirror.js';
import { debianArchives } from '../../dev/installer-tree/upstream.js';
import { withInstance } from '../../dev/instance.js';
import { STATUS_QUERY } from '../../src/build/messages.js';
import { buildTag, MARK } from '../../src/build/names.js';
import type { BuildStatus } from '../../src/build/status.js';
import { connectClouds } from '../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../src/openstack/types.js';
import { startTemporal } from '../support/temporal.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const TREE = join(PROJECT, '.cache/installer-tree');
const PROGRAM = join(PROJECT, 'bin/imagefactory.js');
/** The host's address on the single-node cloud's outer network: where the example expects its mirror. */
const MIRROR = { address: '198.51.100.1', port: 8090 };
const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';

/**
 * The article's command on a real OpenStack: Debian's installer is booted, powers itself off, and so on to the base image.
 * The worker is killed twice on the way, while the installer runs and while the packages are installed.
 */
describe(
  'a Debian on the single-node cloud',
  {
    skip:
      process.env['OS_CLOUD'] === undefined &&
      process.env['OS_AUTH_URL'] === undefined &&
      'no cloud is named by OS_CLOUD',
  },
  () => {
    let temporal: TestWorkflowEnvironment;
    let mirror: Mirror | undefined;
    let clouds: Clouds;
    let cloud: Cloud;
    let storage: string;
    let worker: ChildProcess | undefined;

    before(async () => {
      const archives = await debianArchives();
      const own = new Mirror({
        tree: join(TREE, 'tree'),
        cache: join(TREE, 'archive'),
        archives: { debian: archives.debian, 'debian-security': archives.security },
      });
      // The demo's mirror serves the same tree.
      mirror = await own.start(MIRROR.port, MIRROR.address).then(
        () => own,
        () => undefined,
      );
      temporal = await startTemporal();
      clouds = connectClouds();
      cloud = clouds.get(process.env['OS_CLOUD'] ?? 'envvars');
      storage = await mkdtemp(join(tmpdir(), 'imagefactory-e2e-'));
      startWorker();
    });
    after(async () => {
      worker?.kill('SIGTERM');
      await mirror?.stop();
      await clouds?.close();
      await temporal?.teardown();
      await rm(storage, { recursive: true, force: true });
    });

    function env(): NodeJS.ProcessEnv {
      return { ...process.env, TEMPORAL_ADDRESS: temporal.address, NO_COLOR: '1' };
    }

    function startWorker(): void {
      const args = [PROGRAM, '--imgdir', join(storage, 'media'), 'worker', '--storage-path', storage];
      worker = spawn(process.execPath, args, { env: env(), stdio: ['ignore', 'ignore', 'inherit'] });
    }

    async function killWorker(): Promise<void> {
      const gone = new Promise((resolve) => worker?.once('exit', resolve));
      worker?.kill('SIGKILL');
      await gone;
      startWorker();
    }

    function build(onLine: (line: string) => void): { ended: Promise<{ code: number | null; output: string }> } {
      const examples = join(PROJECT, 'examples');
      const args = [PROGRAM, 'base_image', '--file-parameter', 'install_script', join(examples, 'debian-12.preseed')];
      args.push(
        '--parameter',
        'request_floating_ip',
        'True',
        '--parameter',
        'default_user',
        'debian',
        '--parameter',
        'command_prefix',
        'sudo',
      );
      // A JEOS of an earlier run would spare the installer, and with it half of the test.
      args.push('--parameter', 'reuse_jeos', 'False');
      args.push('--parameter', 'flavor', FLAVOR, join(examples, 'debian-12.tdl'));
      const child = spawn(process.execPath, args, { env: env(), stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunk.split('\n').forEach(onLine));
      return { ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, output }))) };
    }

    /** What in the cloud carries the mark of the build or of its installer's run; others may build beside us. */
    async function leftovers(uuids: string[]): Promise<string[]> {
      const tags = uuids.map(buildTag);
      const isOurs = (given: string[] | undefined): boolean => tags.some((tag) => given?.includes(tag) === true);
      const isNamed = ({ name }: { name: string }): boolean => uuids.some((uuid) => name.includes(uuid));
      const servers = (await cloud.compute.listServers({ tags: [MARK] })).filter(isNamed);
      const floating = (await cloud.network.listFloatingIps()).filter((address) => isOurs(address.tags));
      const groups = (await cloud.network.listSecurityGroups()).filter((group) => isOurs(group.tags));
      const keys = (await cloud.compute.listKeyPairs()).filter(isNamed);
      return [...servers, ...floating, ...groups, ...keys].map((thing) => ('name' in thing ? thing.name : thing.id));
    }

    it(
      'is installed once, customised, listed and snapshotted, though its worker is killed twice',
      { timeout: 20 * 60_000 },
      async () => {
        const kills = [/wait until the installer powers its machine off/, /customise: install \d+ packages/];
        let uuid = '';
        const killing: Promise<void>[] = [];
        const { ended } = build((line) => {
          process.stdout.write(line === '' ? '' : `# ${line}\n`);
          uuid ||= /Build ([0-9a-f-]{36})/.exec(line)?.[1] ?? '';
          if (kills[0]?.test(line) !== true) return;
          kills.shift();
          killing.push(killWorker());
        });
        const { code, output } = await ended;
        await Promise.all(killing);
        assert.equal(code, 0, output);
        assert.match(
          output,
          new RegExp(
            `\\n============ Final Image Details ============\\nUUID: ${uuid}\\nType: base_image\\nImage filename: ${storage}/${uuid}\\.body\\nImage build completed SUCCESSFULLY!\\nGlance image: [0-9a-f-]{36}\\nChecksum: sha512:[0-9a-f]{128}\\n`,
          ),
        );
        assert.equal(killing.length, 2, 'the worker was not killed twice');
        const handle = temporal.client.workflow.getHandle(`base_image-${uuid}`);
        const status = await handle.query<BuildStatus>(STATUS_QUERY);
        assert.equal(status.status, 'COMPLETE');
        const jeos = temporal.client.workflow.getHandle(status.jeosWorkflowId ?? '');
        const installed = await jeos.describe();
        assert.deepEqual(await leftovers([uuid, installed.runId]), []);
        const events = (await handle.describe()).historyLength + installed.historyLength;
        assert.ok(events <= 200, `${events} history events`);

        const record = JSON.parse(await readFile(join(storage, `${uuid}.meta`), 'utf8')) as {
          icicle: string;
          glance_id: string;
          jeos: { glance_id: string };
        };
        assert.match(record.icicle, /<package name="hello"\/>/);
        await inspect(record.glance_id);
        await cloud.image.deleteImage(record.glance_id);
        await cloud.image.deleteImage(record.jeos.glance_id);
      },
    );

    /** The template's packages, files and commands are in an instance of the image, and nothing of the build is. */
    async function inspect(imageId: string): Promise<void> {
      await withInstance(cloud, { imageId, flavor: FLAVOR, user: 'debian', commandPrefix: 'sudo' }, async (guest) => {
        const said = async (command: string): Promise<string> => (await guest.run(command)).stdout.trim();
        assert.equal(await said('hello'), 'Hello, world!');
        assert.equal(await said('cat /etc/motd'), 'Built by imagefactory.');
        assert.equal(await said('cat /usr/local/share/imagefactory/greeting'), 'Hello from a base64 file.');
        assert.equal(await said('cat /usr/local/share/imagefactory/said'), 'Hello from the command greeting.');
        assert.match(await said('cat /var/lib/imagefactory-demo'), /greeting[\s\S]*said/);
        assert.equal(await said('ls -d /var/lib/imagefactory 2>/dev/null'), '');
        assert.equal(await said('wc -l < /home/debian/.ssh/authorized_keys'), '1');
        assert.equal(await said('test -s /etc/machine-id && echo new'), 'new');
      });
    }
  },
);
