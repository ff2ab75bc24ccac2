import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { KEYS, marksOf, resourceName, TOOL, type BuildRef } from '../../domain/names.js';
import type { Cloud, Volume } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { recoverLostReply } from '../shared/lost-reply.js';
import { retryWhileNoCapacity } from './capacity.js';
import type { CreatedVolumes, CreateVolumes } from '../shared/types.js';
import { loadParameters } from '../shared/documents.js';

/** Bytes in a GiB, in which volumes are measured. */
const GIB = 1024 ** 3;
/** Seconds that Cinder may take to copy an image into a volume. */
const COPY_TIMEOUT = 3600;

/** A volume that a build needs. */
interface WantedVolume {
  name: string;
  role: 'root' | 'medium';
  imageId: string;
  /** GiB. */
  size: number;
}

/**
 * Creates the volumes of an instance, each from its image, or finds those that an earlier try has made; answers when they are
 * whole. Where the cloud has no room for all of them none is kept while it is waited for: two builds that held half of what they
 * need would wait for each other.
 */
export async function createVolumes(deps: Deps, input: CreateVolumes): Promise<CreatedVolumes> {
  const wanted = await wantedVolumes(deps, input);
  const deadline = Context.current().info.scheduledTimestampMs + input.timeout * 1000;
  const { ids = [] } = await retryWhileNoCapacity(deps, { waits: true, deadline }, async () => ({
    ids: await ensureAll(deps, input, wanted, deadline),
  }));
  const until = copied();
  for (const id of ids) await whole(deps, input.ref, id, until);
  return input.root === undefined ? { media: ids } : { root: ids[0] ?? '', media: ids.slice(1) };
}

async function wantedVolumes(deps: Deps, { ref, root, media }: CreateVolumes): Promise<WantedVolume[]> {
  const { image } = deps.clouds.get(ref.cloud);
  const wanted: WantedVolume[] = [];
  if (root !== undefined) wanted.push({ name: rootVolumeName(ref), role: 'root', ...root });
  for (const [index, imageId] of media.entries()) {
    const size = (await image.getImage(imageId, { signal: cancellationSignal() }))?.size ?? 0;
    const name = resourceName(ref, `medium${index}`);
    wanted.push({ name, role: 'medium', imageId, size: Math.max(1, Math.ceil(size / GIB)) });
  }
  return wanted;
}

/** The name of the volume that a build's instances have for their disk. */
export function rootVolumeName(ref: BuildRef): string {
  return resourceName(ref, 'root');
}

async function ensureAll(
  deps: Deps,
  input: CreateVolumes,
  wanted: WantedVolume[],
  deadline: number,
): Promise<string[]> {
  const ids: string[] = [];
  try {
    for (const volume of wanted) ids.push(await ensureVolume(deps, input, volume));
    return ids;
  } catch (error) {
    if (error instanceof FactoryError && error.type === 'QuotaExceeded') {
      for (const id of ids) await giveBack(deps, input.ref.cloud, id, deadline);
    }
    throw error;
  }
}

/**
 * Removes a volume because there is no room for another. What comes in between is nothing against that shortage: the next round finds
 * the volume again. One that Cinder cannot delete ends the waiting, as each round would leave another.
 */
async function giveBack(deps: Deps, cloud: string, id: string, deadline: number): Promise<void> {
  try {
    await removeVolume(deps, cloud, id, Math.min(deadline, copied()));
  } catch (error) {
    if (!(error instanceof FactoryError) || error.type === 'VolumeFailed') throw error;
  }
}

/** Milliseconds since the epoch: when a volume whose making begins now is to be whole at the latest. */
function copied(): number {
  return Date.now() + COPY_TIMEOUT * 1000;
}

async function ensureVolume(deps: Deps, input: CreateVolumes, wanted: WantedVolume): Promise<string> {
  const { ref } = input;
  const existing = await findVolume(deps, ref.cloud, wanted.name);
  if (existing !== undefined) {
    if (!isBroken(existing)) return existing.id;
    await removeVolume(deps, ref.cloud, existing.id);
  }
  const { volume_type } = await loadParameters(deps, input.documentsId);
  const { volume } = deps.clouds.get(ref.cloud);
  reportProgress({ message: `making a volume of ${wanted.size} GiB from image ${wanted.imageId}` });
  try {
    const made = await volume.createVolume(
      {
        name: wanted.name,
        size: wanted.size,
        imageRef: wanted.imageId,
        metadata: marksOf(ref, wanted.role, deps.identity),
        ...(volume_type === undefined ? {} : { volume_type }),
      },
      { signal: cancellationSignal() },
    );
    // Another try, of which Temporal has heard nothing more, may have made one in the same moment.
    return (await findVolume(deps, ref.cloud, wanted.name))?.id ?? made.id;
  } catch (error) {
    const made = await recoverLostReply(deps, error, () => findVolume(deps, ref.cloud, wanted.name));
    if (made === undefined) throw error;
    return made.id;
  }
}

/**
 * The volume of that name. There is one at a time: of two that tries made that did not know of each other the older stays. One that
 * Cinder has failed to delete is none: it stays for ever, and the clean-up names it.
 */
export async function findVolume(deps: Deps, cloud: string, name: string): Promise<Volume | undefined> {
  const { volume } = deps.clouds.get(cloud);
  const until = copied();
  for (;;) {
    const listed = await volume.listVolumes({ name }, { signal: cancellationSignal() });
    const all = listed.filter(({ status }) => status !== 'error_deleting').sort(byAge);
    const [first] = all;
    if (first === undefined) return undefined;
    const [oldest, ...younger] = all.filter(({ status }) => status !== 'deleting');
    const unmade = younger.find(isBeingMade);
    for (const { id } of younger.filter((other) => !isBeingMade(other))) {
      await volume.deleteVolume(id, { signal: cancellationSignal() });
    }
    if (oldest !== undefined && (unmade === undefined || Date.now() >= until)) return oldest;
    const { id, status } = unmade ?? first;
    reportProgress({ message: `volume ${id} is ${status}` });
    await sleep(deps.pollInterval);
  }
}

function byAge(one: Volume, other: Volume): number {
  return one.created_at.localeCompare(other.created_at) || one.id.localeCompare(other.id);
}

/** States in which Cinder refuses to delete a volume until it has made it. */
function isBeingMade({ status }: Volume): boolean {
  return status === 'creating' || status === 'downloading';
}

/** States from which a volume never becomes whole. https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes */
function isBroken({ status }: Volume): boolean {
  return status.startsWith('error') || status === 'managing';
}

/** Waits until a volume can be used. One that an instance of the build has already is in use. */
async function whole(deps: Deps, ref: BuildRef, id: string, until: number): Promise<void> {
  const { cloud, volumes } = deps.watch(ref.cloud);
  try {
    for (;;) {
      const listed = await volumes.next(id, cancellationSignal());
      const volume = listed ?? (await cloud.volume.getVolume(id, { signal: cancellationSignal() }));
      if (volume === undefined) throw await volumeFailed(cloud, id, 'is gone: somebody else has deleted it');
      if (volume.status === 'available' || volume.status === 'in-use') return;
      if (isBroken(volume)) throw await volumeFailed(cloud, id, `is ${volume.status}: the cloud could not make it`);
      if (Date.now() >= until) {
        throw new FactoryError('DeadlineExceeded', `volume ${id} is still ${volume.status} after ${COPY_TIMEOUT} s`, {
          hint: 'the cloud’s block storage is slow, or has stopped: its operators can tell',
        });
      }
      reportProgress({ message: `volume ${id} is ${volume.status}` });
    }
  } finally {
    volumes.stopWaiting(id);
  }
}

/** The failure of a volume, with what Cinder says of it. */
export async function volumeFailed({ volume }: Cloud, id: string, how: string): Promise<FactoryError> {
  const [said] = await volume.listMessages(id, { signal: cancellationSignal() });
  const hint = 'often there is no room, or the image is larger than the volume: the cloud’s operators can tell';
  return new FactoryError('VolumeFailed', `volume ${id} ${how}${said === undefined ? '' : ` (${said})`}`, { hint });
}

/**
 * Deletes a volume, once it is made, and waits until Cinder no longer has it.
 * @throws FactoryError VolumeFailed where it cannot be deleted; DeadlineExceeded where it is still being made at `until`
 */
export async function removeVolume(deps: Deps, cloudName: string, id: string, until = copied()): Promise<void> {
  const cloud = deps.clouds.get(cloudName);
  for (;;) {
    const found = await cloud.volume.getVolume(id, { signal: cancellationSignal() });
    if (found === undefined) return;
    if (found.status === 'error_deleting') throw await volumeFailed(cloud, id, 'cannot be deleted');
    if (isBeingMade(found)) checkMaking(found, until);
    else if (found.status !== 'deleting') await cloud.volume.deleteVolume(id, { signal: cancellationSignal() });
    reportProgress({ message: `volume ${id} is ${found.status}` });
    await sleep(deps.pollInterval);
  }
}

function checkMaking({ id, status }: Volume, until: number): void {
  if (Date.now() < until) return;
  throw new FactoryError('DeadlineExceeded', `volume ${id} cannot be deleted while it is ${status}`);
}

/** The list call behind a cloud's shared poll of volumes. */
export async function listOwnVolumes(deps: Pick<Deps, 'clouds'>, cloudName: string): Promise<Volume[]> {
  return deps.clouds.get(cloudName).volume.listVolumes({ metadata: { [KEYS.tool]: TOOL } });
}
