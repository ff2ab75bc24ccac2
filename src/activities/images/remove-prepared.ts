import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import { getPreparedWorkflowId } from '../../domain/prepared-image.js';
import type { BuildRecord } from '../../domain/record.js';
import type { Image } from '../../openstack/types.js';
import { cancellationSignal, type Deps } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { listOwnImages } from './own-image.js';
import { removeSharedImage } from './shared-images.js';

/**
 * Removes the prepared images that were made from a base image, with their documents: without the base image, nobody
 * can find them. An image that is just being made or chosen stays, and the sweeper removes it later. Returns what was
 * removed, in words.
 */
export async function removePrepared(
  deps: Deps,
  { identifier, cloud }: Pick<BuildRecord, 'identifier' | 'cloud'>,
): Promise<string[]> {
  const properties = { [KEYS.base]: identifier, [KEYS.role]: 'prepared' };
  const removed: string[] = [];
  for (const image of await listOwnImages(deps, cloud, { properties }, { signal: cancellationSignal() })) {
    const uuid = String(image[KEYS.build]);
    const isRunning = async (): Promise<boolean> =>
      (await workflowState(deps, getPreparedWorkflowId(uuid))) === 'running';
    if ((await isRunning()) || !(await removeUnlessRefused(deps, cloud, image))) continue;
    await deps.store.deleteDocumentsUnless(uuid, isRunning);
    removed.push(`prepared image ${image.id}`);
  }
  return removed;
}

/** Removes a prepared image. Returns false when it stays: the cloud refuses, as for an image that is in use. */
async function removeUnlessRefused(deps: Deps, cloud: string, image: Image): Promise<boolean> {
  try {
    return await removeSharedImage(deps, cloud, image, KEYS.prepared);
  } catch (error) {
    if (error instanceof FactoryError && !error.retryable) return false;
    throw error;
  }
}
