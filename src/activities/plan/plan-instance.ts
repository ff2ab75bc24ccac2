import { createQueueWorkflowId } from '../../domain/create-queue.js';
import { parseParameters, type BuildParameters } from '../../domain/parameters.js';
import type { InstancePlan } from '../../domain/prepared-image.js';
import { FactoryError } from '../../domain/errors.js';
import type { BuildRecord } from '../../domain/record.js';
import { chooseLoginUser } from '../../os/guest/guest-users.js';
import type { OsProfile } from '../../os/profile/types.js';
import { reportProgress, cancellationSignal, type Deps } from '../shared/context.js';
import { chooseFlavor, chooseNetwork } from './choose-placement.js';
import { chooseRootVolume } from './root-disk.js';

/**
 * Refuses to work in the guest of a base image that no build has booted, because it was imported without a boot.
 *
 * @param hint what the user can do instead
 * @throws FactoryError InvalidParameter
 */
export function requireInstance({ parameters, name }: BuildRecord, hint: string): void {
  if (parameters['flavor'] != null) return;
  throw new FactoryError(
    'InvalidParameter',
    `base image ${name} was imported without a boot: nothing can be done in it`,
    {
      hint,
    },
  );
}

/** How to boot an instance from a base image, and the parameters of the base image's own build. */
export interface PlannedInstance {
  plan: Omit<InstancePlan, 'guestSteps'>;
  parameters: BuildParameters;
}

/**
 * Plans an instance that is booted from a base image once more, as the build of the base image booted it: with the same
 * flavor, network, disk and user.
 * @throws FactoryError NotFound when the cloud has no such flavor or network any more
 */
export async function planInstance(deps: Deps, base: BuildRecord, profile: OsProfile): Promise<PlannedInstance> {
  const parameters = parseParameters({ ...base.parameters, install_script: undefined });
  const cloud = deps.clouds.get(base.cloud);
  reportProgress({ message: 'looking for the flavor and the network' });
  const [flavor, network, project] = await Promise.all([
    chooseFlavor(cloud, parameters),
    chooseNetwork(cloud, parameters),
    cloud.getProjectId({ signal: cancellationSignal() }),
  ]);
  const root = await chooseRootVolume(cloud, flavor, parameters, base.min_disk ?? 0);
  const user = chooseLoginUser(profile, parameters);
  return {
    plan: {
      flavorId: flavor.id,
      networkId: network.id,
      queueId: createQueueWorkflowId(project, cloud.region),
      ...(user === parameters.default_user ? {} : { user }),
      ...(root === undefined ? {} : { volumes: { root, media: false } }),
    },
    parameters,
  };
}
