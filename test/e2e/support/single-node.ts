import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createHash, randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Mirror } from '../../../dev/installer-tree/mirror.js';
import { debianArchives } from '../../../dev/installer-tree/upstream.js';
import { buildTag, KEYS, MARK } from '../../../src/domain/names.js';
import type { Cloud } from '../../../src/openstack/types.js';
import { isAlive } from '../../support/alive.js';
import { CACHE, cloudEnvironment, cloudFolder, PROJECT } from '../../../scripts/dev-cloud.js';

const run = promisify(execFile);
const TREE = join(CACHE, 'installer-tree');

/** The host's address on the single-node cloud's outer network, where its guests can reach the host. */
export const HOST = '198.51.100.1';
/** Port on which the example expects its mirror. */
export const MIRROR_PORT = 8090;

/** Returns the reason to skip a test that needs a cloud. Returns false when the environment names a cloud. */
export function noCloud(): string | false {
  const { OS_CLOUD, OS_AUTH_URL } = process.env;
  return OS_CLOUD === undefined && OS_AUTH_URL === undefined && 'neither OS_CLOUD nor OS_AUTH_URL names a cloud';
}

/**
 * Returns the reason to skip a test that breaks its cloud. Returns false when the cloud is the single-node cloud that
 * `dev/openstack` has started on this machine.
 */
export function noOwnCloud(): string | false {
  const isIt = Object.entries(cloudEnvironment()).every(([name, value]) => process.env[name] === value);
  if (isIt && existsSync(pidFile('nova-compute'))) return false;
  return noCloud() || 'the test breaks its cloud, so it runs only on the single-node cloud of this machine';
}

/** Creates a mirror that serves `tree`. Default: the demo's tree. */
export async function installMirror(tree = join(TREE, 'tree')): Promise<Mirror> {
  const archives = await debianArchives();
  return new Mirror({
    tree,
    cache: join(TREE, 'archive'),
    archives: { debian: archives.debian, 'debian-security': archives.security },
  });
}

const IMAGES = 'debian/dists/bookworm/main/installer-amd64/current/images';
const KERNEL = 'netboot/debian-installer/amd64/linux';
const RAMDISK = 'netboot/debian-installer/amd64/initrd.gz';

/** Reads the kernel and the ramdisk of the demo's tree. */
export async function demoKernel(): Promise<{ kernel: Buffer; ramdisk: Buffer }> {
  const images = join(TREE, 'tree', IMAGES);
  const [kernel, ramdisk] = await Promise.all([readFile(join(images, KERNEL)), readFile(join(images, RAMDISK))]);
  return { kernel, ramdisk };
}

/**
 * Creates a copy of the demo's tree with a ramdisk that no cloud has yet. The ramdisk ends in a random number of zero
 * bytes, which the kernel ignores.
 *
 * @returns the SHA-256 of the ramdisk
 */
export async function treeWithOwnRamdisk(folder: string): Promise<string> {
  const from = join(TREE, 'tree');
  for (const shared of ['debian/pool', 'debian/dists/imagefactory', `${IMAGES}/${KERNEL}`]) {
    await mkdir(dirname(join(folder, shared)), { recursive: true });
    await symlink(join(from, shared), join(folder, shared));
  }
  const ramdisk = Buffer.concat([await readFile(join(from, IMAGES, RAMDISK)), Buffer.alloc(4 * randomInt(1, 10_000))]);
  await writeFile(join(folder, IMAGES, RAMDISK), ramdisk);
  const kernel = await readFile(join(from, IMAGES, KERNEL));
  const sums = [`${sha256(kernel)}  ./${KERNEL}`, `${sha256(ramdisk)}  ./${RAMDISK}`];
  await writeFile(join(folder, IMAGES, 'SHA256SUMS'), `${sums.join('\n')}\n`);
  return sha256(ramdisk);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Left {
  name: string;
  remove: () => Promise<void>;
}

/**
 * Lists the resources, except images, that carry the mark of a build or of its installer run. It ignores all other
 * resources, because other builds may run in the same cloud.
 */
async function left({ compute, network, volume }: Cloud, uuids: string[]): Promise<Left[]> {
  const tags = uuids.map(buildTag);
  const isOurs = ({ tags: given }: { tags?: string[] }): boolean => tags.some((tag) => given?.includes(tag) === true);
  const isNamed = ({ name }: { name: string }): boolean => uuids.some((uuid) => name.includes(uuid));
  const servers = (await compute.listServers({ tags: [MARK] })).filter(isNamed);
  const floating = (await network.listFloatingIps()).filter(isOurs);
  const groups = (await network.listSecurityGroups()).filter(isOurs);
  const keys = (await compute.listKeyPairs()).filter(isNamed);
  const volumes = (await volume.isAvailable())
    ? (await volume.listVolumes()).filter(({ name }) => isNamed({ name: name ?? '' }))
    : [];
  return [
    ...volumes.map(({ id, name }) => ({ name: `volume ${name}`, remove: () => volume.deleteVolume(id) })),
    ...servers.map(({ id, name }) => ({ name, remove: () => compute.deleteServer(id) })),
    ...floating.map(({ id }) => ({ name: `floating IP ${id}`, remove: () => network.deleteFloatingIp(id) })),
    ...keys.map(({ name }) => ({ name, remove: () => compute.deleteKeyPair(name) })),
    ...groups.map(({ id, name }) => ({ name, remove: () => network.deleteSecurityGroup(id) })),
  ];
}

/** Lists the names of the resources, except images, that a build has left in the cloud. */
export async function leftovers(cloud: Cloud, uuids: string[]): Promise<string[]> {
  return (await left(cloud, uuids)).map(({ name }) => name);
}

/**
 * Lists the ids of the images that a build or its installer run has created, and of the media images whose SHA-256
 * digests are in `media`.
 */
export async function imagesOf({ image }: Cloud, uuids: string[], media: string[] = []): Promise<string[]> {
  const properties = [
    ...uuids.map((uuid) => ({ [KEYS.build]: uuid })),
    ...media.map((digest) => ({ [KEYS.media]: `sha256:${digest}` })),
  ];
  const found = await Promise.all(properties.map((wanted) => image.listImages({ properties: wanted })));
  return found.flat().map(({ id }) => id);
}

/** Removes all resources that an unsuccessful build has left in the cloud. */
export async function removeRemains(cloud: Cloud, uuids: string[], media: string[]): Promise<void> {
  for (let tries = 0; tries < 30; tries++) {
    const resources = await left(cloud, uuids);
    // A security group can only be deleted after its instance. So an attempt may fail, and a later attempt deletes it.
    for (const { remove } of resources) await remove().catch(() => undefined);
    if (resources.length === 0) break;
    await pause(1000);
  }
  for (const id of await imagesOf(cloud, uuids, media)) await cloud.image.deleteImage(id);
}

function pidFile(service: string): string {
  return join(cloudFolder(), 'run', `${service}.pid`);
}

/**
 * Kills all processes of a cloud service with SIGKILL, and waits until they have ended. Until then `cloud.sh` considers
 * the service running.
 *
 * @returns the process id of the service
 */
export async function killService(service: string): Promise<number> {
  const pid = Number.parseInt(await readFile(pidFile(service), 'utf8'), 10);
  process.kill(-pid, 'SIGKILL');
  while (isAlive(pid)) await pause(20);
  return pid;
}

/** Starts a cloud service that is not running; resolves when the service is ready. */
export async function startService(service: string): Promise<void> {
  await run(join(PROJECT, 'dev/openstack/cloud.sh'), ['start', service]);
}

/** Takes the host's end (a tap device) of an instance's network link down, or up again. */
export async function setLink(cloud: Cloud, serverId: string, state: 'up' | 'down'): Promise<void> {
  const [port] = await cloud.network.listPorts({ device_id: serverId });
  if (port === undefined) throw new Error(`instance ${serverId} has no port`);
  await run('ip', ['link', 'set', `tap${port.id.slice(0, 11)}`, state]);
}
