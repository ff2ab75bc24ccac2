import { Context } from '@temporalio/activity';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import type { Deps } from '../shared/context.js';
import { isActivityPending } from '../shared/temporal-lookups.js';

/**
 * Returns the name of this activity, which is the same in every attempt. Images that other activities may wait for have
 * this name as property {@link KEYS}.uploader.
 */
export function currentUploader(): string {
  const { workflowExecution, activityId } = Context.current().info;
  return [workflowExecution?.runId, activityId, workflowExecution?.workflowId].join('/');
}

/** Whether another activity is still uploading an image. */
export async function isUploadedElsewhere(deps: Deps, image: Image): Promise<boolean> {
  const uploader = image[KEYS.uploader];
  if (typeof uploader !== 'string' || uploader === currentUploader()) return false;
  const [, runId, activityId, workflowId] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(uploader) ?? [];
  if (runId === undefined || activityId === undefined || workflowId === undefined) return false;
  return isActivityPending(deps, { workflowId, runId, activityId });
}
