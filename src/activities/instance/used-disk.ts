import { FactoryError, asRetryable } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { findVolume, removeVolume, rootVolumeName } from './create-volumes.js';

/**
 * Removes the disk that a build's earlier instances had, where it was a volume: whatever ran in it would be in the image, and the guest's
 * journal on it would say that it has run. One that Cinder fails to delete is taken by no instance; the clean-up names it.
 *
 * @returns what was removed
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

/** Document of the volume that an instance of the build has had for its disk. */
const USED_DISK = 'used_disk';

/** Remembers the volume that an instance has now: whatever becomes of that, no other is to start from what it leaves on it. */
export async function recordUsedDisk(deps: Deps, { uuid }: BuildRef, id: string): Promise<void> {
  await deps.store.writeDocument(uuid, USED_DISK, id);
}

/**
 * Refuses a volume for a new instance that is no fresh copy of its image. Only a run that was reset asks for one: to a moment in the life of an
 * instance that is gone.
 * @throws FactoryError ServerGone
 */
export async function refuseUsedDisk(deps: Deps, { uuid, cloud }: BuildRef, id: string): Promise<void> {
  const used = (await deps.store.readDocument(uuid, USED_DISK))?.toString('utf8') === id;
  if (!used && (await deps.clouds.get(cloud).volume.getVolume(id, { signal: cancellationSignal() })) !== undefined)
    return;
  throw new FactoryError('ServerGone', `the instance whose disk was volume ${id} is gone: no other is booted from it`, {
    hint: 'imagefactory resume begins again with a fresh copy of the installed system',
  });
}
