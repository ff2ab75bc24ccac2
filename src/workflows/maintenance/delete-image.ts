import { workflowInfo } from '@temporalio/workflow';
import type { DeleteImageInput, DeleteImageResult } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';

/** Removes an image from Glance, and its record, body and documents from the store. It is safe to run it twice. */
export async function deleteImage(input: DeleteImageInput): Promise<DeleteImageResult> {
  return callActivity(
    'deleteImage',
    { ...input, workflowId: workflowInfo().workflowId },
    {
      summary: `remove image ${input.uuid} from Glance and from the store`,
    },
  );
}
