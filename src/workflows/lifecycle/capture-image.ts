import type { BuildRef } from '../../domain/names.js';
import type { BuildStatusModel } from './build-status.js';
import type { StepRunner } from './step-runner.js';
import type { CreatedVolumes, CreateVolumesInput } from '../../activities/instance/create-volumes.js';
import type { CapturedImage } from '../../activities/images/captured-image.js';

/** The part of a build's context that the functions below need. */
interface Context {
  ref: BuildRef;
  status: BuildStatusModel;
  steps: StepRunner;
}

/** Creates the volumes that an instance needs; returns undefined when it needs none. */
export async function createVolumesIfNeeded(
  { ref, status, steps }: Context,
  name: string,
  wanted: Omit<CreateVolumesInput, 'ref'>,
): Promise<CreatedVolumes | undefined> {
  const { root, media, timeout } = wanted;
  if (root === undefined && media.length === 0) return undefined;
  const volumes = await steps.run(
    {
      name,
      title: root === undefined ? 'create volumes of the install media' : 'create the volumes that the instance needs',
      // Four hours in addition to the wait for capacity, because Cinder may take an hour to fill each volume.
      budget: { total: timeout + 4 * 3600 },
    },
    'createVolumes',
    { ...wanted, ref },
  );
  if (volumes.root !== undefined) status.setResource('root_volume', volumes.root);
  return volumes;
}

/** An instance that is powered off, and whose disk becomes an image. */
export interface FinishedDisk {
  role: 'jeos' | 'base' | 'prepared';
  serverId: string;
  /** Id of the volume that is the instance's disk; undefined when the disk is not a volume. */
  rootVolume: string | undefined;
}

/** Names and titles of the two steps that {@link captureImage} runs. */
export interface CaptureSteps {
  snapshot: { name: string; title: string };
  terminate: { name: string; title: string };
}

/**
 * Options of the step that terminates an instance after its image was taken. When this step fails, the build goes on,
 * because the clean-up tries again and reports what is left. The budget is short, so that this step fails before the
 * whole build reaches its timeout.
 */
const OPTIONAL = { optional: true, budget: { total: 600, attempt: 300 } };

/**
 * Captures an instance's disk as an image, publishes the image, and terminates the instance. If the disk is a volume,
 * terminates the instance first, because Cinder uploads only a detached volume.
 */
export async function captureImage<T>(
  { ref, status, steps }: Context,
  { role, serverId, rootVolume }: FinishedDisk,
  { snapshot, terminate }: CaptureSteps,
  publish: (taken: CapturedImage) => Promise<T>,
): Promise<{ imageId: string; published: T }> {
  const note = (image: CapturedImage): string => `image ${image.imageId}, ${image.size} bytes`;
  const terminateStep = rootVolume === undefined ? { ...terminate, ...OPTIONAL } : terminate;
  const terminateInstance = (): Promise<void> => steps.run(terminateStep, 'deleteServer', { ref, serverId });
  const recordImage = ({ imageId }: CapturedImage): string => {
    status.setResource(`${role}_image`, imageId);
    return imageId;
  };
  if (rootVolume === undefined) {
    const taken = await steps.runWithDeadline(
      'snapshot_timeout',
      { ...snapshot, note },
      'snapshotServer',
      (deadline) => {
        return { ref, role, serverId, deadline };
      },
    );
    const imageId = recordImage(taken);
    const [published] = await Promise.all([publish(taken), terminateInstance()]);
    return { imageId, published };
  }
  await terminateInstance();
  const taken = await steps.runWithDeadline('snapshot_timeout', { ...snapshot, note }, 'uploadVolume', (deadline) => {
    return { ref, role, volumeId: rootVolume, deadline };
  });
  return { imageId: recordImage(taken), published: await publish(taken) };
}
