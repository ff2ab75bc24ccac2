import { FactoryError, asRetryable } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { findVolume, removeVolume, rootVolumeName } from './volumes.js';

/**
 * Deletes the root volume of a build's earlier instances. If a new instance used it, the image would contain the
 * results of earlier steps, and the journal on the volume would say that these steps have run. Leaves a volume that
 * Cinder cannot delete: no instance uses it, and the clean-up reports it.
 * @returns the deleted volume as text; undefined when none was deleted
 * @throws FactoryError Conflict, retryable, while the volume is still being uploaded or detached
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

/** Name of the document that contains the id of a volume. An instance of the build had this volume as its disk. */
const USED_DISK = 'used_disk';

/**
 * Records the volume that is the disk of an instance. No other instance may boot from this volume, because it is no
 * longer a fresh copy of its image.
 */
export async function recordUsedDisk(deps: Deps, { uuid }: BuildRef, id: string): Promise<void> {
  await deps.store.writeDocument(uuid, USED_DISK, id);
}

/**
 * Checks that a new instance may boot from a volume: the volume exists, and no earlier instance had it as its disk. The
 * check fails only when the build was reset to a point at which it had an instance that is now gone.
 * @throws FactoryError ServerGone when the new instance may not boot from the volume
 */
export async function rejectUsedDisk(deps: Deps, { uuid, cloud }: BuildRef, id: string): Promise<void> {
  const used = (await deps.store.readDocument(uuid, USED_DISK))?.toString('utf8') === id;
  if (!used && (await deps.clouds.get(cloud).volume.getVolume(id, { signal: cancellationSignal() })) !== undefined)
    return;
  throw new FactoryError(
    'ServerGone',
    `the instance whose disk was volume ${id} is gone, and no other instance may boot from that volume`,
    {
      hint: 'run imagefactory resume: it starts again from a fresh copy of the installed system',
    },
  );
}
