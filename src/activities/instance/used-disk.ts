import { FactoryError, asRetryable } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { findVolume, removeVolume, rootVolumeName } from './volumes.js';

/**
 * Deletes the root volume of a build's earlier instances: everything that ran on it would be in the image, and the
 * guest's journal on it would claim that the steps have run. A volume that Cinder cannot delete is used by no instance;
 * the clean-up names it.
 * @returns the removed volume, in words; undefined when there was none
 * @throws FactoryError Conflict, retryable, while it is still being uploaded or detached
 */
export async function removeRootVolume(deps: Deps, ref: BuildRef): Promise<string | undefined> {
  if (!(await deps.clouds.get(ref.cloud).volume.isAvailable({ signal: cancellationSignal() }))) return undefined;
  const volume = await findVolume(deps, ref.cloud, rootVolumeName(ref));
  if (volume === undefined) return undefined;
  try {
    await removeVolume(deps, ref.cloud, volume.id);
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    if (error.type === 'Conflict') throw asRetryable(error);
    if (error.type !== 'VolumeFailed') throw error;
    return undefined;
  }
  return `volume ${volume.id}`;
}

/** Document with the id of the volume that was the disk of an instance of the build. */
const USED_DISK = 'used_disk';

/**
 * Records the volume that an instance has as its disk: no other instance may start from it, as it no longer is a fresh
 * copy of its image.
 */
export async function recordUsedDisk(deps: Deps, { uuid }: BuildRef, id: string): Promise<void> {
  await deps.store.writeDocument(uuid, USED_DISK, id);
}

/**
 * Rejects a volume for a new instance when it is no fresh copy of its image. This happens only in a run that was reset
 * to a point at which an instance existed that is gone now.
 * @throws FactoryError ServerGone
 */
export async function rejectUsedDisk(deps: Deps, { uuid, cloud }: BuildRef, id: string): Promise<void> {
  const used = (await deps.store.readDocument(uuid, USED_DISK))?.toString('utf8') === id;
  if (!used && (await deps.clouds.get(cloud).volume.getVolume(id, { signal: cancellationSignal() })) !== undefined)
    return;
  throw new FactoryError('ServerGone', `the instance whose disk was volume ${id} is gone: no other is booted from it`, {
    hint: 'imagefactory resume begins again with a fresh copy of the installed system',
  });
}
