import { readIcicle } from '../icicle/icicle.js';
import { KEYS, resourceName } from '../build/names.js';
import type { Image, Server } from '../openstack/types.js';
import { type Deps, progress, signal, sleep } from './context.js';
import { deleteServer, isGone } from './servers.js';
import type { FindRemains, Remains } from './types.js';

/** States of an image that may still become one, or is. */
const WHOLE_OR_COMING = ['active', 'queued', 'saving'];
/** States of an instance that a build can go on in. */
const USABLE = ['ACTIVE', 'BUILD', 'REBOOT'];

/**
 * What an earlier run of a build has left: a snapshot of the customised instance is gone on from; else the instance, if it
 * runs, since the guest's journal knows what has run in it; else nothing. What cannot be used is removed.
 */
export async function findRemains(deps: Deps, input: FindRemains): Promise<Remains> {
  progress({ message: 'looking for what the earlier run has left' });
  const [server, snapshot] = await Promise.all([findServer(deps, input), findSnapshot(deps, input)]);
  if (snapshot !== undefined && !input.anew && !input.needsGuest && isUsable(snapshot, server)) {
    const note = `snapshot ${snapshot.id} of the customised instance`;
    // An instance that is gone has a UUID that no other instance has.
    return { note, snapshotOf: { serverId: server?.id ?? input.ref.uuid, packages: await packagesOf(deps, input) } };
  }
  if (snapshot !== undefined) {
    await deps.clouds.get(input.ref.cloud).image.deleteImage(snapshot.id, { signal: signal() });
  }
  if (server === undefined) return { note: 'no instance' };
  if (!input.anew && USABLE.includes(server.status)) return { note: `instance ${server.id}` };
  await deleteServer(deps, { ref: input.ref, serverId: server.id });
  return { note: `instance ${server.id} was ${server.status} and is removed` };
}

async function findServer(deps: Deps, { ref }: FindRemains): Promise<Server | undefined> {
  const { compute } = deps.clouds.get(ref.cloud);
  const name = resourceName(ref, 'customise');
  for (;;) {
    const servers = await compute.listServers({ name }, { signal: signal() });
    const server = servers.find((candidate) => candidate.name === name && !isGone(candidate));
    if (server?.['OS-EXT-STS:task_state'] !== 'deleting') return server;
    progress({ message: `instance ${server.id} is being deleted` });
    await sleep(deps.pollInterval);
  }
}

async function findSnapshot(deps: Deps, { ref }: FindRemains): Promise<Image | undefined> {
  const { image } = deps.clouds.get(ref.cloud);
  const properties = { [KEYS.build]: ref.uuid, [KEYS.role]: 'base' };
  const images = await image.listImages({ properties }, { signal: signal() });
  return images.find(({ status }) => WHOLE_OR_COMING.includes(status));
}

/** A snapshot that is not whole needs its instance. */
function isUsable(snapshot: Image, server: Server | undefined): boolean {
  if (snapshot.status === 'active') return (snapshot.size ?? 0) > 0;
  return server?.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] !== null;
}

async function packagesOf(deps: Deps, { ref }: FindRemains): Promise<number> {
  const icicle = await deps.store.readDocument(ref.uuid, 'icicle.xml');
  return icicle === undefined ? 0 : readIcicle(icicle.toString('utf8')).packages.length;
}
