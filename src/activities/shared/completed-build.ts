import { FactoryError } from '../../domain/errors.js';
import type { BaseImageResult } from '../../domain/messages.js';
import type { BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from './context.js';

/**
 * Returns the result of a build that has completed: its record says so, and its image exists. Returns undefined for any
 * other build. Activities check this because Temporal can reset a completed workflow, and then nothing may be created
 * again.
 */
export async function completedResult(
  deps: Pick<Deps, 'store' | 'clouds'>,
  ref: BuildRef,
): Promise<BaseImageResult | undefined> {
  const record = await deps.store.readRecord(ref.uuid);
  if (record?.status !== 'COMPLETE' || record.glance_id === null || record.jeos === null) return undefined;
  const image = await deps.clouds.get(ref.cloud).image.getImage(record.glance_id, { signal: cancellationSignal() });
  if (image?.status !== 'active') return undefined;
  return {
    uuid: ref.uuid,
    glanceId: record.glance_id,
    checksum: record.checksum,
    checksumMd5: record.checksum_md5,
    size: record.size ?? 0,
    minDisk: record.min_disk ?? 0,
    body: record.data,
    downloaded: record.downloaded,
    packages: record.packages ?? 0,
    jeos: record.jeos,
  };
}

/**
 * Throws when a build has completed.
 * @throws FactoryError AlreadyBuilt, for which the workflow returns the existing image
 */
export async function rejectIfCompleted(deps: Deps, ref: BuildRef): Promise<void> {
  const built = await completedResult(deps, ref);
  if (built === undefined) return;
  throw new FactoryError('AlreadyBuilt', `build ${ref.uuid} has its image already: ${built.glanceId}`, {
    hint: `imagefactory delete ${ref.uuid} deletes the image; start another build to make another image`,
  });
}
