import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { Settings } from './config.js';
import { UsageError } from '../client/errors.js';

/**
 * The deployment version of a worker (https://docs.temporal.io/worker-versioning); undefined: it has none, and any worker
 * goes on with its builds.
 *
 * @throws UsageError for names that Temporal does not take, and for a deployment without a build id
 */
export function deploymentVersion({
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
  // Temporal joins the two with these, and has names of its own that begin with underscores.
  if (/[.:]|^__/.test(deploymentName)) {
    throw new UsageError(`${JSON.stringify(deploymentName)} cannot be a deployment’s name`, {
      hint: 'name one with --deployment that has no "." and no ":" and does not begin with "__"',
    });
  }
  if (buildId.startsWith('__')) throw new UsageError(`${JSON.stringify(buildId)}: a build id does not begin with "__"`);
  return { deploymentName, buildId };
}
