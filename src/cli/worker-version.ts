import type { WorkerDeploymentVersion } from '@temporalio/common';
import { UsageError } from './errors.js';
import type { Settings } from './config.js';

/**
 * Makes the deployment version of a worker (https://docs.temporal.io/worker-versioning). Undefined: the worker has
 * none, and any worker may go on with its builds.
 *
 * @throws UsageError for names that Temporal does not accept, and for a deployment without a build id
 */
export function parseDeploymentVersion({
  deployment,
  buildId,
  taskQueue,
}: Pick<Settings, 'deployment' | 'buildId' | 'taskQueue'>): WorkerDeploymentVersion | undefined {
  if (buildId === undefined) {
    if (deployment === undefined) return undefined;
    throw new UsageError(`a worker of deployment ${deployment} needs a build id`, {
      hint: 'name its release with --build-id',
    });
  }
  const deploymentName = deployment ?? taskQueue;
  // Temporal joins the two names with these characters, and reserves names that begin with underscores.
  if (/[.:]|^__/.test(deploymentName)) {
    throw new UsageError(`${JSON.stringify(deploymentName)} cannot be a deployment’s name`, {
      hint: 'name one with --deployment that has no "." and no ":" and does not begin with "__"',
    });
  }
  if (buildId.startsWith('__')) throw new UsageError(`${JSON.stringify(buildId)}: a build id does not begin with "__"`);
  return { deploymentName, buildId };
}
