import { workflowInfo } from '@temporalio/workflow';
import type { DeleteImageInput, DeleteImageResult } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';

/** Removes an image from Glance or its provider, and its record and files from the store. Safe to run twice. */
export async function deleteImage(input: DeleteImageInput): Promise<DeleteImageResult> {
  const { uuid, credentials } = input;
  try {
    return await callActivity(
      'deleteImage',
      { ...input, workflowId: workflowInfo().workflowId },
      { summary: `remove image ${uuid} from Glance and from the store` },
    );
  } finally {
    if (credentials !== undefined) {
      await callActivity('forgetCredentials', credentials, { summary: 'forget the credentials of this deletion' });
    }
  }
}
