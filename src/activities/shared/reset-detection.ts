import { Context } from '@temporalio/activity';
import { FactoryError, type ErrorType } from '../../domain/errors.js';
import type { Deps } from './context.js';

/** What a step fails with that looks for something that is no longer there. Nova calls it a bad request to name a key pair that it does not have. */
const LOST_RESOURCE_ERRORS: ErrorType[] = [
  'ServerGone',
  'ServerFailed',
  'ImageFailed',
  'NotFound',
  'BadRequest',
  'GuestLoginRefused',
];

/**
 * The error that a step of a build fails with: LostByReset when what it needs has gone and the build's run was reset. Temporal
 * tells that here, and not in the workflow: that must decide in a reset run what it decided before, until where it was reset to.
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
