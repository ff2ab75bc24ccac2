import { Context } from '@temporalio/activity';
import { FactoryError, type ErrorType } from '../../domain/errors.js';
import type { Deps } from './context.js';

/**
 * Errors of a step whose resource no longer exists. BadRequest is one of them, because Nova answers 400 for a key pair
 * that does not exist.
 */
const LOST_RESOURCE_ERRORS: ErrorType[] = [
  'ServerGone',
  'ServerFailed',
  'ImageFailed',
  'NotFound',
  'BadRequest',
  'GuestLoginRefused',
];

/**
 * Returns LostByReset in place of a step's error, when the error can mean that a resource is gone and the build's run
 * was reset. Returns any other error unchanged. The activity checks for the reset, because the workflow cannot: when
 * Temporal replays the workflow up to the point of the reset, the workflow must make the same decisions as before.
 */
export async function asLostByReset(deps: Pick<Deps, 'temporal'>, error: unknown): Promise<unknown> {
  if (!(error instanceof FactoryError) || error.retryable || !LOST_RESOURCE_ERRORS.includes(error.type)) return error;
  if (!(await wasReset(deps))) return error;
  const { message, hint, consoleTail } = error;
  return new FactoryError('LostByReset', message, { hint, consoleTail, cause: error });
}

async function wasReset({ temporal }: Pick<Deps, 'temporal'>): Promise<boolean> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? {};
  if (workflowId === undefined) return false;
  const { raw } = await temporal.workflow.getHandle(workflowId, runId).describe();
  return raw.workflowExtendedInfo?.lastResetTime != null;
}
