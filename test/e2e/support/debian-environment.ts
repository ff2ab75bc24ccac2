import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Mirror } from '../../../dev/installer-tree/mirror.js';
import { withInstance } from '../../../dev/instance.js';
import { PROJECT } from '../../../scripts/dev-cloud.js';
import { connectClouds } from '../../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../../src/openstack/types.js';
import { copyFromDisk } from '../../support/image-disk.js';
import { findTexts, isOfMachine, listDiskFiles, listMachineFiles } from '../../support/machine-traces.js';
import { startTemporal, temporalEnv } from '../../support/temporal.js';
import { HOST, installMirror, MIRROR_PORT } from './single-node.js';
import { PROGRAM, WorkerProgram } from './worker-program.js';

export const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';
const EXAMPLES = join(PROJECT, 'examples');
export const EXAMPLE = join(EXAMPLES, 'debian-12.tdl');

/** Name of the second project of the single-node cloud in `clouds.yaml`. */
const OTHER_CLOUD = 'imagefactory-dev-other';
/** The providers of the environment's worker. */
const PROVIDERS = { other: { kind: 'glance', cloud: OTHER_CLOUD } };

/** The result of a command that has ended. */
export interface Ended {
  uuid: string;
  code: number | null;
  /** Text that the command has written to standard output. */
  output: string;
}

/** The fields of a build's record that the tests read. */
export interface Record {
  /** How a target image was verified. */
  verified_by?: string;
  icicle: string;
  glance_id: string;
  /** The id of a provider image on its provider. */
  identifier_on_provider?: string;
  jeos: { glance_id: string };
}

/**
 * An environment in which the example's Debian is built on a real OpenStack. It has a mirror, a Temporal server, and a
 * worker process.
 */
export class DebianEnvironment {
  private constructor(
    readonly temporal: TestWorkflowEnvironment,
    readonly cloud: Cloud,
    readonly storage: string,
    readonly worker: WorkerProgram,
    private readonly clouds: Clouds,
    /** Undefined when the demo's mirror already listens on the port. That mirror serves the same tree. */
    private readonly mirror: Mirror | undefined,
  ) {}

  static async start(): Promise<DebianEnvironment> {
    const own = await installMirror();
    const mirror = await own.start(MIRROR_PORT, HOST).then(
      () => own,
      () => undefined,
    );
    const temporal = await startTemporal();
    const clouds = connectClouds();
    const storage = await mkdtemp(join(tmpdir(), 'imagefactory-e2e-'));
    const configuration = join(storage, 'worker.conf');
    await writeFile(configuration, JSON.stringify({ providers: PROVIDERS }));
    const worker = new WorkerProgram(storage, envOf(temporal), undefined, configuration);
    worker.start();
    return new DebianEnvironment(
      temporal,
      clouds.get(process.env['OS_CLOUD'] ?? 'envvars'),
      storage,
      worker,
      clouds,
      mirror,
    );
  }

  async stop(): Promise<void> {
    await this.worker.end('SIGTERM');
    await this.mirror?.stop();
    await this.clouds.close();
    await this.temporal.teardown();
    await rm(this.storage, { recursive: true, force: true });
  }

  /**
   * Runs `base_image` for a template until the command ends. The build does not reuse the JEOS of an earlier run,
   * because otherwise it would not run the installer.
   */
  build(template: string, parameters: { [name: string]: string }, onLine?: (line: string) => void): Promise<Ended> {
    const all = {
      request_floating_ip: 'True',
      default_user: 'debian',
      command_prefix: 'sudo',
      reuse_jeos: 'False',
      flavor: FLAVOR,
      ...parameters,
    };
    const args = Object.entries(all).flatMap(([name, value]) => ['--parameter', name, value]);
    const script = ['--file-parameter', 'install_script', join(EXAMPLES, 'debian-12.preseed')];
    return this.run(['base_image', ...script, ...args, template], onLine);
  }

  /** Runs a command of the program until it ends. */
  run(command: string[], onLine?: (line: string) => void): Promise<Ended> {
    const child = spawn(process.execPath, [PROGRAM, ...command], {
      env: envOf(this.temporal),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let uuid = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\n')) {
        process.stdout.write(line === '' ? '' : `# ${line}\n`);
        uuid ||= /Build ([0-9a-f-]{36})/.exec(line)?.[1] ?? '';
        onLine?.(line);
      }
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ uuid, code, output })));
  }

  /** Returns the second project of the single-node cloud. */
  otherCloud(): Cloud {
    return this.clouds.get(OTHER_CLOUD);
  }

  async record(uuid: string): Promise<Record> {
    return JSON.parse(await readFile(join(this.storage, `${uuid}.meta`), 'utf8')) as Record;
  }

  /**
   * Boots an instance of the image, and asserts that the template's packages and files are there, that its commands
   * have run, and that the build has left none of its own files.
   */
  async inspect(imageId: string): Promise<void> {
    await withInstance(
      this.cloud,
      { imageId, flavor: FLAVOR, user: 'debian', commandPrefix: 'sudo' },
      async (guest) => {
        const said = async (command: string): Promise<string> => (await guest.run(command)).stdout.trim();
        assert.equal(await said('hello'), 'Hello, world!');
        assert.equal(await said('cat /etc/motd'), 'Built by imagefactory.');
        assert.equal(await said('cat /usr/local/share/imagefactory/greeting'), 'Hello from a base64 file.');
        assert.equal(await said('cat /usr/local/share/imagefactory/said'), 'Hello from the command greeting.');
        assert.match(await said('cat /var/lib/imagefactory-demo'), /greeting[\s\S]*said/);
        assert.equal(await said('ls -d /var/lib/imagefactory 2>/dev/null'), '');
        assert.equal(await said('wc -l < /home/debian/.ssh/authorized_keys'), '1');
        assert.equal(await said('test -s /etc/machine-id && echo new'), 'new');
      },
    );
  }

  /**
   * Opens the image's disk. Asserts that it has nothing of the machine of the build in the folders that a machine
   * writes: only files that were there before the build, empty files, and the files of the template and its packages.
   *
   * @param begun time before the build began, in milliseconds since 1970
   */
  async inspectDisk(imageId: string, { uuid, begun }: { uuid: string; begun: number }): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-disk-'));
    try {
      const image = join(folder, '.image');
      const { data } = await this.cloud.image.downloadImage(imageId);
      await pipeline(data, createWriteStream(image));
      await copyFromDisk(image, ['/etc', '/var', '/root', '/home', '/tmp', '/opt', '/srv'], folder);
      await rm(image);
      const files = await listDiskFiles(folder);
      assert.ok(files.some(({ path }) => path === '/etc/debian_version'));
      assert.deepEqual(listMachineFiles(files, begun), []);
      const names = [uuid, 'imagefactory-customise', 'imagefactory-installer', HOST];
      assert.deepEqual(await findTexts(folder, files.filter(isOfMachine), names), []);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Deletes the image and the JEOS that a successful build has left. */
  async forget({ glance_id, jeos }: Record): Promise<void> {
    await this.cloud.image.deleteImage(glance_id);
    await this.cloud.image.deleteImage(jeos.glance_id);
  }
}

function envOf(temporal: TestWorkflowEnvironment): NodeJS.ProcessEnv {
  return { ...process.env, ...temporalEnv(temporal), NO_COLOR: '1' };
}
