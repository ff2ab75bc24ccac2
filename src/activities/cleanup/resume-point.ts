import { readIcicle } from '../../icicle/icicle.js';
import type { ReadResumePointInput, ResumePointReport } from '../../domain/messages.js';
import { KEYS, resourceName, type BuildRef } from '../../domain/names.js';
import type { Image, Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { mismatchReason } from '../guest/guest-record.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { deleteServer, isGone } from '../instance/servers.js';
import type { FindResumePoint, ResumePoint } from '../shared/types.js';
import { removeRootVolume } from '../instance/used-disk.js';

/** States of an image that may still become one, or is. */
const WHOLE_OR_COMING = ['active', 'queued', 'saving'];
/** States of an instance that a build can go on in. */
const USABLE = ['ACTIVE', 'BUILD', 'REBOOT'];

/**
 * What an earlier run of a build has left: a snapshot of the customised instance is gone on from; else the instance, if it
 * runs, since the guest's journal knows what has run in it; else nothing. What cannot be used, or is not what template and parameters ask for
 * now, is removed, with the disk that the instance had.
 */
export async function findResumePoint(deps: Deps, input: FindResumePoint): Promise<ResumePoint> {
  reportProgress({ message: 'looking for what the earlier run has left' });
  const { ref, discardGuest: anew, needsGuest } = input;
  const [server, snapshot] = await Promise.all([findServer(deps, input), findSnapshot(deps, input)]);
  const unfit = anew ? {} : await mismatchReason(deps, ref.uuid, server?.id, input);
  const notes: string[] = [];
  if (snapshot !== undefined && !anew && !needsGuest && isUsable(snapshot, server) && unfit.snapshot === undefined) {
    const note = `snapshot ${snapshot.id} of the customised instance`;
    // An instance that is gone has a UUID that no other instance has.
    return { note, snapshotOf: { serverId: server?.id ?? ref.uuid, packages: await countPackages(deps, input) } };
  }
  if (snapshot !== undefined) {
    await deps.clouds.get(ref.cloud).image.deleteImage(snapshot.id, { signal: cancellationSignal() });
    notes.push(removed(`snapshot ${snapshot.id} is removed`, unfit.snapshot));
  }
  if (server !== undefined && !anew && USABLE.includes(server.status) && unfit.instance === undefined) {
    return { note: [...notes, `instance ${server.id}`].join('; ') };
  }
  if (server !== undefined) await deleteServer(deps, { ref, serverId: server.id });
  const what = server && `instance ${server.id} was ${server.status} and is removed`;
  notes.push(what === undefined ? 'no instance' : removed(what, unfit.instance));
  // The next instance starts from the JEOS, wherever its disk is.
  const disk = await removeRootVolume(deps, ref);
  if (disk !== undefined) notes.push(`${disk}, which it had for its disk, is removed`);
  return { note: notes.join('; ') };
}

function removed(what: string, why: string | undefined): string {
  return why === undefined ? what : `${what}: ${why}`;
}

/** What a build that has ended would go on from. Nothing is touched. */
export async function readResumePoint(deps: Deps, input: ReadResumePointInput): Promise<ResumePointReport> {
  const { ref, jeosWorkflowId } = input;
  reportProgress({ message: 'looking for what the build has left' });
  const [servers, snapshot, jeos] = await Promise.all([
    listServers(deps, input),
    findSnapshot(deps, input),
    findJeos(deps, input),
  ]);
  const server = servers.find((candidate) => candidate['OS-EXT-STS:task_state'] !== 'deleting');
  if (snapshot !== undefined && isUsable(snapshot, server)) {
    return { from: 'snapshot', what: `the snapshot ${snapshot.id} of the customised instance` };
  }
  if (server !== undefined && USABLE.includes(server.status)) {
    return { from: 'instance', what: `instance ${server.id}, in which what has run does not run again` };
  }
  if (jeos !== undefined) return { from: 'jeos', what: `the installed system, JEOS image ${jeos.id}` };
  const installs = jeosWorkflowId !== undefined && (await workflowState(deps, jeosWorkflowId)) === 'living';
  if (installs) return { from: 'installation', what: `the installation that still runs, ${jeosWorkflowId}` };
  return { from: 'nothing', what: `the beginning: nothing of it exists on cloud ${ref.cloud}` };
}

/** The JEOS that the build had, or would find. */
async function findJeos(
  deps: Deps,
  { ref, jeosImage, jeosWorkflowId }: ReadResumePointInput,
): Promise<Image | undefined> {
  const { image } = deps.clouds.get(ref.cloud);
  const known = jeosImage === undefined ? undefined : await image.getImage(jeosImage, { signal: cancellationSignal() });
  if (isJeos(known) || jeosWorkflowId === undefined) return isJeos(known) ? known : undefined;
  const properties = { [KEYS.workflow]: jeosWorkflowId, [KEYS.role]: 'jeos' };
  return (await image.listImages({ properties }, { signal: cancellationSignal() })).find(isJeos);
}

function isJeos(image: Image | undefined): boolean {
  return image?.status === 'active' && image[KEYS.jeos] !== undefined;
}

async function listServers(deps: Deps, { ref }: { ref: BuildRef }): Promise<Server[]> {
  const name = resourceName(ref, 'customise');
  const servers = await deps.clouds.get(ref.cloud).compute.listServers({ name }, { signal: cancellationSignal() });
  return servers.filter((candidate) => candidate.name === name && !isGone(candidate));
}

async function findServer(deps: Deps, input: FindResumePoint): Promise<Server | undefined> {
  for (;;) {
    const [server] = await listServers(deps, input);
    if (server?.['OS-EXT-STS:task_state'] !== 'deleting') return server;
    reportProgress({ message: `instance ${server.id} is being deleted` });
    await sleep(deps.pollInterval);
  }
}

async function findSnapshot(deps: Deps, { ref }: { ref: BuildRef }): Promise<Image | undefined> {
  const { image } = deps.clouds.get(ref.cloud);
  const properties = { [KEYS.build]: ref.uuid, [KEYS.role]: 'base' };
  const images = await image.listImages({ properties }, { signal: cancellationSignal() });
  return images.find(({ status }) => WHOLE_OR_COMING.includes(status));
}

/** A snapshot that is not whole needs its instance. */
function isUsable(snapshot: Image, server: Server | undefined): boolean {
  if (snapshot.status === 'active') return (snapshot.size ?? 0) > 0;
  return server?.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] !== null;
}

async function countPackages(deps: Deps, { ref }: FindResumePoint): Promise<number> {
  const icicle = await deps.store.readDocument(ref.uuid, 'icicle.xml');
  return icicle === undefined ? 0 : readIcicle(icicle.toString('utf8')).packages.length;
}
