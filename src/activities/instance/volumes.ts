import { FactoryError } from '../../domain/errors.js';
import { KEYS, resourceName, TOOL, type BuildRef } from '../../domain/names.js';
import type { Cloud, Volume } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';

/** Seconds that Cinder may take to copy an image into a volume. */
export const COPY_TIMEOUT = 3600;

/** The name of the volume that a build's instances have for their disk. */
export function rootVolumeName(ref: BuildRef): string {
  return resourceName(ref, 'root');
}

/** Milliseconds since the epoch: when a volume whose making begins now is to be whole at the latest. */
export function computeCopyDeadline(): number {
  return Date.now() + COPY_TIMEOUT * 1000;
}

/**
 * The volume of that name. There is one at a time: of two that tries made that did not know of each other the older stays. One that
 * Cinder has failed to delete is none: it stays for ever, and the clean-up names it.
 */
export async function findVolume(deps: Deps, cloud: string, name: string): Promise<Volume | undefined> {
  const { volume } = deps.clouds.get(cloud);
  const until = computeCopyDeadline();
  for (;;) {
    const listed = await volume.listVolumes({ name }, { signal: cancellationSignal() });
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

/** States in which Cinder refuses to delete a volume until it has made it. */
function isBeingMade({ status }: Volume): boolean {
  return status === 'creating' || status === 'downloading';
}

/** States from which a volume never becomes whole. https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes */
export function isBroken({ status }: Volume): boolean {
  return status.startsWith('error') || status === 'managing';
}

/** The failure of a volume, with what Cinder says of it. */
export async function volumeFailedError({ volume }: Cloud, id: string, how: string): Promise<FactoryError> {
  const [said] = await volume.messagesOf(id, { signal: cancellationSignal() });
  const hint = 'often there is no room, or the image is larger than the volume: the cloud’s operators can tell';
  return new FactoryError('VolumeFailed', `volume ${id} ${how}${said === undefined ? '' : ` (${said})`}`, { hint });
}

/**
 * Deletes a volume, once it is made, and waits until Cinder no longer has it.
 * @throws FactoryError VolumeFailed where it cannot be deleted; DeadlineExceeded where it is still being made at `until`
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

/** The list call behind a cloud's shared poll of volumes. */
export async function listOwnVolumes(deps: Pick<Deps, 'clouds'>, cloudName: string): Promise<Volume[]> {
  return deps.clouds.get(cloudName).volume.listVolumes({ metadata: { [KEYS.tool]: TOOL } });
}
