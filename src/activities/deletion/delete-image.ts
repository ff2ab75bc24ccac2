import { FactoryError } from '../../domain/errors.js';
import { readParent } from '../../domain/lineage.js';
import type { DeleteImageInput, DeleteImageResult } from '../../domain/messages.js';
import type { Deps } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { deleteGlanceImage } from '../images/delete-glance-image.js';
import { removeFromProvider } from '../push/remove-from-provider.js';
import { removePrepared } from '../images/remove-prepared.js';

/**
 * Deletes an image from Glance, and its record, body and documents from the store.
 *
 * @throws FactoryError Conflict while the image is being built, or has target images
 */
export async function deleteImage(
  deps: Deps,
  input: DeleteImageInput & { workflowId: string },
): Promise<DeleteImageResult> {
  const record = await deps.store.readRecord(input.uuid);
  // The record of a build whose workflow was terminated says BUILDING for ever, so we ask Temporal whether the workflow
  // still runs.
  if (record?.status === 'BUILDING' && (await workflowState(deps, record.workflow_id)) === 'running') {
    throw new FactoryError('Conflict', `image ${input.uuid} is being built`, {
      hint: `imagefactory cancel ${input.uuid} ends the build`,
    });
  }
  await refuseParent(deps, input.uuid);
  const removed = record?.type === 'ProviderImage' ? await removeFromProvider(deps, record, input.credentials) : [];
  // An image that was imported from Glance belongs to somebody else.
  const isForeign =
    record?.jeos?.glance_id === record?.glance_id && record?.jeos?.source?.startsWith('glance:') === true;
  if (record?.glance_id != null && !isForeign && (await deleteGlanceImage(deps, record.cloud, record.glance_id))) {
    removed.push(`Glance image ${record.glance_id}`);
  }
  if (record?.glance_id != null) removed.push(...(await removePrepared(deps, record)));
  removed.push(...(await deps.store.deleteRecord(input.uuid)));
  return { removed, found: record !== undefined };
}

/** Refuses to delete an image while images that were made from it exist: they could not be made again. */
async function refuseParent(deps: Pick<Deps, 'store'>, uuid: string): Promise<void> {
  const { records } = await deps.store.listRecords();
  const children = records.filter((record) => readParent(record)?.id === uuid);
  if (children.length === 0) return;
  const list = children.map(({ identifier, provider, target }) => `${identifier} (${provider ?? target ?? 'unknown'})`);
  throw new FactoryError('Conflict', `other images were made from image ${uuid}: ${list.join(', ')}`, {
    hint: `imagefactory delete ${uuid} --cascade deletes them too`,
  });
}
