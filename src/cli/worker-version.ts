import type { WorkerDeploymentVersion } from '@temporalio/common';
import { UsageError } from './errors.js';
import type { Settings } from './config.js';

/**
 * Makes the deployment version of a worker (https://docs.temporal.io/worker-versioning). Returns undefined when the
 * settings have no deployment and no build id: then the worker has no version, and any worker may continue its builds.
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
    throw new UsageError(`the worker of deployment ${deployment} needs a build id`, {
      hint: 'give the build id of the worker’s release with --build-id',
    });
  }
  const deploymentName = deployment ?? taskQueue;
  // Temporal joins the deployment's name and the build id with these characters, and reserves names that begin with __.
  if (/[.:]|^__/.test(deploymentName)) {
    throw new UsageError(`${JSON.stringify(deploymentName)} is not a valid deployment name`, {
      hint: 'give a name with --deployment that contains no "." and no ":" and does not begin with "__"',
    });
  }
  if (buildId.startsWith('__'))
    throw new UsageError(`the build id ${JSON.stringify(buildId)} must not begin with "__"`);
  return { deploymentName, buildId };
}
