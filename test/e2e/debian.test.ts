import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Mirror } from '../../dev/installer-tree/mirror.js';
import { withInstance } from '../../dev/instance.js';
import { PROJECT } from '../../scripts/bed-cloud.js';
import { STATUS_QUERY } from '../../src/build/messages.js';
import type { BuildStatus } from '../../src/build/status.js';
import { connectClouds } from '../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../src/openstack/types.js';
import { startTemporal } from '../support/temporal.js';
import { HOST, installMirror, leftovers, MIRROR_PORT, noCloud } from './support/single-node.js';
import { PROGRAM, WorkerProgram } from './support/worker-program.js';

const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';

/**
 * The article's command on a real OpenStack: Debian's installer is booted, powers itself off, and so on to the base image.
 * The worker is killed on the way, while the installer runs; `faults.test.ts` has what else may happen.
 */
describe('a Debian on the single-node cloud', { skip: noCloud() }, () => {
  let temporal: TestWorkflowEnvironment;
  let mirror: Mirror | undefined;
  let clouds: Clouds;
  let cloud: Cloud;
  let storage: string;
  let worker: WorkerProgram | undefined;

  before(async () => {
    const own = await installMirror();
    // The demo's mirror serves the same tree.
    mirror = await own.start(MIRROR_PORT, HOST).then(
      () => own,
      () => undefined,
    );
    temporal = await startTemporal();
    clouds = connectClouds();
    cloud = clouds.get(process.env['OS_CLOUD'] ?? 'envvars');
    storage = await mkdtemp(join(tmpdir(), 'imagefactory-e2e-'));
    worker = new WorkerProgram(storage, env());
    worker.start();
  });
  after(async () => {
    await worker?.end('SIGTERM');
    await mirror?.stop();
    await clouds?.close();
    await temporal?.teardown();
    await rm(storage, { recursive: true, force: true });
  });

  function env(): NodeJS.ProcessEnv {
    return { ...process.env, TEMPORAL_ADDRESS: temporal.address, NO_COLOR: '1' };
  }

  async function killWorker(): Promise<void> {
    await worker?.end('SIGKILL');
    worker?.start();
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

  it(
    'is installed once, customised, listed and snapshotted, though its worker is killed',
    { timeout: 20 * 60_000 },
    async () => {
      let uuid = '';
      let killing: Promise<void> | undefined;
      const { ended } = build((line) => {
        process.stdout.write(line === '' ? '' : `# ${line}\n`);
        uuid ||= /Build ([0-9a-f-]{36})/.exec(line)?.[1] ?? '';
        if (line.includes('wait until the installer powers its machine off')) killing ??= killWorker();
      });
      const { code, output } = await ended;
      await killing;
      assert.equal(code, 0, output);
      assert.match(
        output,
        new RegExp(
          `\\n============ Final Image Details ============\\nUUID: ${uuid}\\nType: base_image\\nImage filename: ${storage}/${uuid}\\.body\\nImage build completed SUCCESSFULLY!\\nGlance image: [0-9a-f-]{36}\\nChecksum: sha512:[0-9a-f]{128}\\n`,
        ),
      );
      assert.ok(killing !== undefined, 'the worker was not killed');
      const handle = temporal.client.workflow.getHandle(`base_image-${uuid}`);
      const status = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.equal(status.status, 'COMPLETE');
      const jeos = temporal.client.workflow.getHandle(status.jeosWorkflowId ?? '');
      const installed = await jeos.describe();
      assert.deepEqual(await leftovers(cloud, [uuid, installed.runId]), []);
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
});
