import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Mirror } from '../dev/installer-tree/mirror.js';
import { debianArchives } from '../dev/installer-tree/upstream.js';
import { findMissingComponents } from '../dev/package-installer/components.js';
import { InstallerConsole } from '../dev/package-installer/console.js';
import { inspect } from '../dev/package-installer/inspect.js';
import { LOCAL_SUITE_LINES, mirrorWithSuite, wholeMirror } from '../dev/package-installer/mirror.js';
import { Program } from '../dev/package-installer/program.js';
import { formatStages, parseStages } from '../dev/package-installer/stages.js';
import { connectImageFactory } from '../src/client/connection.js';
import { startDevServer, stopDevServer } from '../src/cli/dev-server/dev-server.js';
import { connectClouds } from '../src/openstack/index.js';
import type { Cloud } from '../src/openstack/types.js';
import { CACHE, PROJECT, runProgram, useCloud } from './dev-cloud.js';

/**
 * Address and port at which the template and preseed `examples/debian-12-packages.*` expect their mirror. The address
 * is the host's address on the single-node cloud's external network.
 */
const MIRROR = { host: '198.51.100.1', port: 8092 };
const TEMPORAL = { port: 7243, uiPort: 8243 };
const HOME = join(CACHE, 'e2e-debian');
const TREE = join(CACHE, 'installer-tree');
const CONSOLE = join(HOME, 'console.log');
const TEMPLATE = join(PROJECT, 'examples/debian-12-packages.tdl');
const USER = 'debian';
const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';

const PARAMETERS: Record<string, string> = {
  request_floating_ip: 'True',
  default_user: USER,
  command_prefix: 'sudo',
  flavor: FLAVOR,
  // If the build reused the JEOS of an earlier run, it would not run the installer.
  reuse_jeos: 'False',
  // On an emulated machine the installer takes half an hour, and longer when the host has other work. While the
  // installer installs the kernel, it prints nothing on the console for ten minutes.
  install_timeout: '10800',
  inactivity_timeout: '1800',
};

const began = Date.now();

function say(line: string): void {
  const seconds = ((Date.now() - began) / 1000).toFixed(0).padStart(5);
  process.stdout.write(`[${seconds} s] ${line}\n`);
}

function indented(line: string): void {
  process.stdout.write(`          ${line}\n`);
}

/**
 * Creates the mirror for the run: with the components in the folder UDEB_MIRROR, else with Debian's own components from
 * the archive.
 *
 * @returns the mirror, and the lines to add to the example's preseed for this mirror
 * @throws Error when the archive does not serve the components of Debian's installer
 */
async function makeMirror(): Promise<{ mirror: Mirror; lines: string }> {
  const [archives, tree] = [await debianArchives(), join(HOME, 'tree')];
  if (process.env['UDEB_MIRROR'] === undefined) {
    const missing = await findMissingComponents(archives.debian);
    if (missing !== undefined) {
      throw new Error(
        `${archives.debian} does not serve the components of Debian’s installer (${missing}): set DEBIAN_MIRROR to a full mirror, such as http://deb.debian.org/debian, or UDEB_MIRROR to a folder of components`,
      );
    }
    say(`mirror: ${archives.debian}, with Debian’s own installer components`);
    return { mirror: await wholeMirror({ archives, tree, cache: join(HOME, 'archive') }), lines: '' };
  }
  const folder = resolve(PROJECT, process.env['UDEB_MIRROR'], 'mirror');
  say(`mirror: Debian’s archive, and the installer components in ${folder}`);
  const log = join(HOME, 'netboot.log');
  const code = await runProgram(join(PROJECT, 'dev/installer-tree/make.sh'), ['--netboot'], { log, onLine: indented });
  if (code !== 0) throw new Error(`Debian’s netboot kernel and ramdisk could not be fetched: see ${log}`);
  const place = { archives, tree, cache: join(TREE, 'archive') };
  return { mirror: await mirrorWithSuite(place, { folder, netboot: join(TREE, 'tree') }), lines: LOCAL_SUITE_LINES };
}

async function writePreseed(lines: string): Promise<string> {
  const path = join(HOME, 'preseed.cfg');
  const example = await readFile(join(PROJECT, 'examples/debian-12-packages.preseed'), 'utf8');
  await writeFile(path, `${example}${lines}`);
  return path;
}

/**
 * Starts a Temporal development server for this run only. This process and the programs that it starts then use this
 * server.
 *
 * @returns the folder of the server
 */
async function startTemporal(): Promise<string> {
  const directory = join(HOME, 'temporal');
  await stopDevServer({ directory, ...TEMPORAL });
  await rm(directory, { recursive: true, force: true });
  const { address, ui } = await startDevServer({ directory, ...TEMPORAL, say });
  Object.assign(process.env, { TEMPORAL_ADDRESS: address, TEMPORAL_UI_ADDRESS: ui });
  return directory;
}

/**
 * Runs the build until it ends. On SIGINT or SIGTERM, cancels the build, which then removes its resources.
 *
 * @returns the UUID of the build
 * @throws Error when the build fails or is cancelled
 */
async function build(preseed: string, onStart: (uuid: string) => void): Promise<string> {
  const args = ['base_image', '--file-parameter', 'install_script', preseed, TEMPLATE];
  for (const [name, value] of Object.entries(PARAMETERS)) args.push('--parameter', name, value);
  say(`imagefactory ${args.join(' ').replaceAll(PROJECT, '')}`);
  let uuid: string | undefined;
  const client = new Program(args, {
    onText: (text) => {
      process.stdout.write(text);
      if (uuid !== undefined) return;
      uuid = /^Build ([0-9a-f-]{36}) /m.exec(client.output)?.[1];
      if (uuid !== undefined) onStart(uuid);
    },
  });
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    client.end('SIGINT');
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const code = await client.ended;
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (uuid === undefined) throw new Error('no build was started');
  if (stopped) {
    say('stopped by a signal: cancelling the build, which then removes its resources');
    await new Program(['cancel', uuid]).ended;
    throw new Error('stopped by a signal');
  }
  if (code !== 0) throw new Error(`the build failed (exit code ${code})`);
  return uuid;
}

/**
 * Runs the build, writes the installer's console to a file, and prints how long the stages of the installation took.
 *
 * @returns the UUID of the build
 */
async function buildWithConsole(cloud: Cloud, preseed: string): Promise<string> {
  const factory = await connectImageFactory();
  let console: InstallerConsole | undefined;
  await rm(CONSOLE, { force: true });
  try {
    return await build(preseed, (uuid) => {
      console = new InstallerConsole(cloud, factory, uuid, CONSOLE);
    });
  } finally {
    await console?.close();
    formatStages(parseStages(console?.text ?? '')).forEach(indented);
    say(`the installer’s console is in ${CONSOLE}`);
    await factory.close();
  }
}

/** Checks the image in an instance. Then deletes the image and its JEOS. */
async function look(cloud: Cloud, storage: string, uuid: string): Promise<void> {
  const record = JSON.parse(await readFile(join(storage, `${uuid}.meta`), 'utf8')) as {
    icicle: string;
    glance_id: string;
    jeos: { glance_id: string };
  };
  const { size } = (await cloud.image.getImage(record.glance_id)) ?? {};
  const packages = record.icicle.match(/<package /g)?.length;
  say(`image ${record.glance_id}: ${packages} packages, ${Math.round((size ?? 0) / 1048576)} MiB`);
  (await inspect(cloud, record.glance_id, { flavor: FLAVOR, user: USER, say })).forEach(indented);
  await cloud.image.deleteImage(record.glance_id);
  await cloud.image.deleteImage(record.jeos.glance_id);
}

async function buildAndLook(preseed: string, storage: string): Promise<void> {
  await new Program(['setup']).ended;
  const worker = new Program(['--imgdir', join(storage, 'media'), 'worker', '--storage-path', storage], {
    log: join(HOME, 'worker.log'),
  });
  const clouds = connectClouds();
  try {
    const cloud = clouds.get(process.env['OS_CLOUD'] ?? 'envvars');
    await look(cloud, storage, await buildWithConsole(cloud, preseed));
  } finally {
    await clouds.close();
    worker.end('SIGTERM');
    await worker.ended;
  }
}

async function main(): Promise<void> {
  await mkdir(HOME, { recursive: true });
  // First, because without a mirror the cloud need not start.
  const { mirror, lines } = await makeMirror();
  await useCloud(say, { log: join(HOME, 'cloud.log'), onLine: indented });
  await mirror.start(MIRROR.port, MIRROR.host);
  const storage = await mkdtemp(join(HOME, 'storage-'));
  try {
    const directory = await startTemporal();
    try {
      await buildAndLook(await writePreseed(lines), storage);
    } finally {
      await stopDevServer({ directory, ...TEMPORAL });
    }
  } finally {
    await mirror.stop();
    await rm(storage, { recursive: true, force: true });
  }
  say('passed');
}

main().catch((error: unknown) => {
  say(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
});
