import { FactoryError } from '../../domain/errors.js';
import type { DeleteImageResult } from '../../domain/messages.js';
import type { Deps } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';
import { deleteGlanceImage } from '../images/delete-glance-image.js';

/** Deletes an image from Glance, and its record, body and documents from the store. */
export async function deleteImage(deps: Deps, input: { uuid: string; workflowId: string }): Promise<DeleteImageResult> {
  const record = await deps.store.readRecord(input.uuid);
  // The record of a build whose workflow was terminated says BUILDING for ever, so we ask Temporal whether the workflow
  // still runs.
  if (record?.status === 'BUILDING' && (await workflowState(deps, record.workflow_id)) === 'running') {
    throw new FactoryError('Conflict', `image ${input.uuid} is being built`, {
      hint: `imagefactory cancel ${input.uuid} ends the build`,
    });
  }
  const removed: string[] = [];
  if (record?.glance_id != null && (await deleteGlanceImage(deps, record.cloud, record.glance_id))) {
    removed.push(`Glance image ${record.glance_id}`);
  }
  removed.push(...(await deps.store.deleteRecord(input.uuid)));
  return { removed, found: record !== undefined };
}
