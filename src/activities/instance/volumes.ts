import { FactoryError } from '../../domain/errors.js';
import { KEYS, resourceName, TOOL, type BuildRef } from '../../domain/names.js';
import type { CallOptions } from '../../http/call-options.js';
import type { Cloud, Volume } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';

/** Seconds after which a copy of an image into a volume counts as failed. */
export const COPY_TIMEOUT = 3600;

/** Builds the name of the root volume of a build's instances. */
export function rootVolumeName(ref: BuildRef): string {
  return resourceName(ref, 'root');
}

/** Computes the deadline of a copy that begins now, in milliseconds since the epoch. */
export function computeCopyDeadline(): number {
  return Date.now() + COPY_TIMEOUT * 1000;
}

/**
 * Finds the volume with the given name. When concurrent tries have created several such volumes, keeps the oldest and
 * deletes the others. Ignores a volume that Cinder has failed to delete: it stays for ever, and the clean-up reports
 * it.
 */
export async function findVolume(deps: Deps, cloud: string, name: string): Promise<Volume | undefined> {
  const { volume } = deps.clouds.get(cloud);
  const until = computeCopyDeadline();
  for (;;) {
    const listed = await listOwnVolumes(deps, cloud, { name }, { signal: cancellationSignal() });
    const all = listed.filter(({ status }) => status !== 'error_deleting').sort(compareByAge);
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

function compareByAge(one: Volume, other: Volume): number {
  return one.created_at.localeCompare(other.created_at) || one.id.localeCompare(other.id);
}

/** Whether Cinder is still creating a volume. Cinder refuses to delete such a volume. */
function isBeingMade({ status }: Volume): boolean {
  return status === 'creating' || status === 'downloading';
}

/**
 * Whether a volume has a status from which it never becomes usable.
 * https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes
 */
export function isBroken({ status }: Volume): boolean {
  return status.startsWith('error') || status === 'managing';
}

/** Builds the error of a failed volume, with Cinder's own message. */
export async function volumeFailedError({ volume }: Cloud, id: string, how: string): Promise<FactoryError> {
  const [said] = await volume.listMessages(id, { signal: cancellationSignal() });
  const hint = 'often the block storage has no room, or the image is larger than the volume: ask the cloud’s operators';
  return new FactoryError('VolumeFailed', `volume ${id} ${how}${said === undefined ? '' : ` (${said})`}`, { hint });
}

/**
 * Waits until Cinder has created a volume, deletes it, and waits until it is gone.
 * @param until deadline for the creation, in milliseconds since the epoch
 * @throws FactoryError VolumeFailed when Cinder cannot delete the volume; DeadlineExceeded when Cinder is still
 *   creating the volume at `until`
 */
export async function removeVolume(
  deps: Deps,
  cloudName: string,
  id: string,
  until = computeCopyDeadline(),
): Promise<void> {
  const cloud = deps.clouds.get(cloudName);
  for (;;) {
    const found = await cloud.volume.getVolume(id, { signal: cancellationSignal() });
    if (found === undefined) return;
    if (found.status === 'error_deleting') throw await volumeFailedError(cloud, id, 'cannot be deleted');
    if (isBeingMade(found)) checkCreationDeadline(found, until);
    else if (found.status !== 'deleting') await cloud.volume.deleteVolume(id, { signal: cancellationSignal() });
    reportProgress({ message: `volume ${id} is ${found.status}` });
    await sleep(deps.pollInterval);
  }
}

function checkCreationDeadline({ id, status }: Volume, until: number): void {
  if (Date.now() < until) return;
  throw new FactoryError('DeadlineExceeded', `volume ${id} cannot be deleted while it is ${status}`);
}

/**
 * Lists our volumes in a cloud's project. The shared poll of a cloud makes this list call, without a query. A restored
 * backup is not ours: Cinder gives it the name and the metadata of our volume, so its metadata contain the id of our
 * volume. A volume that we have just created is ours, although its metadata contain no id yet.
 */
export async function listOwnVolumes(
  deps: Pick<Deps, 'clouds'>,
  cloudName: string,
  query: { name: string } | { metadata: Record<string, string> } = { metadata: { [KEYS.tool]: TOOL } },
  options: CallOptions = {},
): Promise<Volume[]> {
  const listed = await deps.clouds.get(cloudName).volume.listVolumes(query, options);
  return listed.filter(({ id, metadata }) => metadata[KEYS.tool] === TOOL && (metadata[KEYS.id] ?? id) === id);
}

/** Writes a volume's id into its metadata, so that no copy of the volume counts as ours. */
export async function markVolume(deps: Deps, cloudName: string, { id, metadata }: Volume): Promise<void> {
  if (metadata[KEYS.id] === id) return;
  const { volume } = deps.clouds.get(cloudName);
  try {
    await volume.setMetadata(id, { [KEYS.id]: id }, { signal: cancellationSignal() });
  } catch (error) {
    // NotFound: the volume was deleted. The step that waits for the volume reports this. Conflict: Cinder is uploading
    // the volume. In both cases we go on.
    if (!(error instanceof FactoryError && (error.type === 'NotFound' || error.type === 'Conflict'))) throw error;
  }
}
