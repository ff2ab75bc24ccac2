import { Context } from '@temporalio/activity';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import type { Deps } from '../shared/context.js';
import { isActivityPending } from '../shared/temporal-lookups.js';

/** This activity, whichever try of it, as the property {@link KEYS}.uploader names it on an image that others may wait for. */
export function currentUploader(): string {
  const { workflowExecution, activityId } = Context.current().info;
  return [workflowExecution?.runId, activityId, workflowExecution?.workflowId].join('/');
}

/** Whether another activity than this one is still at the upload of an image. */
export async function isUploadedElsewhere(deps: Deps, image: Image): Promise<boolean> {
  const uploader = image[KEYS.uploader];
  if (typeof uploader !== 'string' || uploader === currentUploader()) return false;
  const [, runId, activityId, workflowId] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(uploader) ?? [];
  if (runId === undefined || activityId === undefined || workflowId === undefined) return false;
  return isActivityPending(deps, { workflowId, runId, activityId });
}
