import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startDevServer } from '../src/cli/dev-server/dev-server.js';
import { connectClouds } from '../src/openstack/index.js';
import { withInstance } from '../dev/instance.js';
import { answers, DEMO, logOf, startBackground } from './background.js';
import { CACHE, makeInstallTree, PROJECT, useCloud } from './dev-cloud.js';

/** The host's address on the single-node cloud's outer network, where the example's template expects its mirror. */
const MIRROR = { host: '198.51.100.1', port: '8090' };
const HEALTH = '127.0.0.1:8234';
const EXAMPLES = join(PROJECT, 'examples');

/**
 * The options of the command in the article (docs/article.md). To run the demo on your own cloud, set these variables
 * to a flavor, a user and a template of that cloud.
 */
const {
  DEMO_FLAVOR: flavor = '2',
  DEMO_USER: user = 'debian',
  DEMO_TEMPLATE: template = join(EXAMPLES, 'debian-12.tdl'),
} = process.env;
const script = process.env['DEMO_SCRIPT'] ?? join(EXAMPLES, 'debian-12.preseed');

/**
 * Commands that we run in an instance of the new image. They show the results of the template's packages, files and
 * commands.
 */
const LOOKS = [
  'hello',
  'tree --version',
  'cat /etc/motd',
  'cat /usr/local/share/imagefactory/greeting /usr/local/share/imagefactory/said',
  'cat /var/lib/imagefactory-demo',
];

const began = Date.now();

function say(line: string): void {
  const seconds = ((Date.now() - began) / 1000).toFixed(0).padStart(4);
  process.stdout.write(`[${seconds} s] ${line}\n`);
}

async function startTemporal(): Promise<string> {
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given !== undefined) {
    say(`Temporal: ${given}, from TEMPORAL_ADDRESS`);
    return process.env['TEMPORAL_UI_ADDRESS'] ?? '';
  }
  const server = await startDevServer({ say });
  process.env['TEMPORAL_ADDRESS'] = server.address;
  process.env['TEMPORAL_UI_ADDRESS'] = server.ui;
  say(`Temporal: development server at ${server.address}, UI at ${server.ui}`);
  return server.ui;
}

function indented(line: string): void {
  process.stdout.write(`         ${line}\n`);
}

async function startOpenStack(): Promise<void> {
  if (!(await useCloud(say, { log: logOf('cloud'), onLine: indented }))) return;
  say('preparing the install tree: Debian’s netboot installer and a prepared system');
  await makeInstallTree({ log: logOf('tree'), onLine: indented });
  const { host, port } = MIRROR;
  await startBackground('mirror', ['--import', 'tsx', 'dev/installer-tree/serve.ts', '--bind', host, '--port', port]);
  await answers(`http://${host}:${port}/debian/dists/bookworm/Release`, 60);
}

function imagefactory(args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(PROJECT, 'bin/imagefactory.js'), ...args], {
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

async function startWorker(): Promise<void> {
  await imagefactory(['setup']);
  const args = ['bin/imagefactory.js', '--imgdir', join(CACHE, 'media'), 'worker'];
  await startBackground('worker', [...args, '--storage-path', join(DEMO, 'storage'), '--health-address', HEALTH]);
  await answers(`http://${HEALTH}/`, 60);
  say(`worker: running, log ${logOf('worker')}`);
}

async function build(): Promise<{ uuid: string; image: string }> {
  const args = [
    'base_image',
    '--file-parameter',
    'install_script',
    script,
    '--parameter',
    'request_floating_ip',
    'True',
  ];
  args.push(
    '--parameter',
    'default_user',
    user,
    '--parameter',
    'command_prefix',
    'sudo',
    '--parameter',
    'flavor',
    flavor,
    template,
  );
  say(`imagefactory ${args.map((arg) => arg.replace(PROJECT, '')).join(' ')}`);
  const { code, output } = await imagefactory(args);
  const image = /^Glance image: (\S+)$/m.exec(output)?.[1];
  const uuid = /^UUID: (\S+)$/m.exec(output)?.[1];
  if (code !== 0 || image === undefined || uuid === undefined) throw new Error(`the build failed (exit code ${code})`);
  return { uuid, image };
}

/** Makes a target image of the new base image: a VMDK. */
async function makeTarget(uuid: string): Promise<void> {
  const args = ['target_image', 'vmdk', '--id', uuid];
  say('the same system for another cloud:');
  say(`imagefactory ${args.join(' ')}`);
  const { code } = await imagefactory(args);
  if (code !== 0) throw new Error(`the target image failed (exit code ${code})`);
  say('imagefactory targets lists the others; --parameter verify boot also boots the file in QEMU');
}

async function look(imageId: string): Promise<void> {
  say(`booting an instance of the new image ${imageId}:`);
  const clouds = connectClouds();
  try {
    const cloud = clouds.get(process.env['OS_CLOUD'] ?? 'envvars');
    await withInstance(cloud, { imageId, flavor, user, commandPrefix: 'sudo', say }, async (guest) => {
      for (const command of LOOKS) {
        const { stdout, stderr } = await guest.run(command);
        process.stdout.write(`         # ${command}\n${`${stdout}${stderr}`.trimEnd().replace(/^/gm, '         ')}\n`);
      }
    });
  } finally {
    await clouds.close();
  }
}

try {
  const ui = await startTemporal();
  await startOpenStack();
  await startWorker();
  const { uuid, image } = await build();
  await look(image);
  await makeTarget(uuid);
  if (ui !== '') say(`the build in the Temporal UI: ${ui}/namespaces/default/workflows/base_image-${uuid}`);
  say('to stop everything: make demo-stop (with PURGE=1 it also removes the cloud)');
} catch (error) {
  say((error as Error).message);
  say(`the logs are in ${DEMO}; to stop everything: make demo-stop`);
  process.exitCode = 1;
}
