import type { CreatedVolumes, CreateVolumes, SnapshotTaken } from '../../activities/shared/types.js';
import type { BuildRef } from '../../domain/names.js';
import type { Board } from './step-runner.js';

/** Makes the volumes that an instance is to have, where it is to have any. */
export async function madeVolumes(
  board: Board,
  name: string,
  wanted: CreateVolumes,
): Promise<CreatedVolumes | undefined> {
  const { root, media, timeout: patience } = wanted;
  if (root === undefined && media.length === 0) return undefined;
  const volumes = await board.step(
    {
      name,
      title: root === undefined ? 'make volumes of the install media' : 'make the volumes that the instance needs',
      // Beyond waiting for room: an hour to fill each.
      budget: { total: patience + 4 * 3600 },
    },
    'createVolumes',
    wanted,
  );
  if (volumes.root !== undefined) board.holds('root_volume', volumes.root);
  return volumes;
}

/** An instance that is off, of whose disk an image is made. */
export interface FinishedDisk {
  ref: BuildRef;
  role: 'jeos' | 'base';
  serverId: string;
  /** Where its disk is a volume. */
  rootVolume: string | undefined;
  /** Name of the image. */
  name: string;
}

/** What the steps of making an image are called. */
export interface DiskSteps {
  snapshot: { name: string; title: string };
  terminate: { name: string; title: string };
}

/**
 * Of terminating an instance whose image is made: the clean-up tries it again, and says what is left. No build is lost for it, so it is
 * not tried until the build's own timeout comes.
 */
const DISPENSABLE = { dispensable: true, budget: { total: 600, attempt: 300 } };

/**
 * Makes an image of an instance's disk, publishes it, and terminates the instance. A volume must be free for it: then the instance goes
 * first.
 */
export async function imageOf<T>(
  board: Board,
  { ref, role, serverId, rootVolume, name }: FinishedDisk,
  { snapshot, terminate }: DiskSteps,
  publish: (taken: SnapshotTaken) => Promise<T>,
): Promise<{ imageId: string; published: T }> {
  const note = (image: SnapshotTaken): string => `image ${image.imageId}, ${image.size} bytes`;
  const ending = rootVolume === undefined ? { ...terminate, ...DISPENSABLE } : terminate;
  const end = (): Promise<void> => board.step(ending, 'deleteServer', { ref, serverId });
  const holds = ({ imageId }: SnapshotTaken): string => {
    board.holds(`${role}_image`, imageId);
    return imageId;
  };
  if (rootVolume === undefined) {
    const taken = await board.wait('snapshot_timeout', { ...snapshot, note }, 'snapshotServer', (deadline) => {
      return { ref, role, serverId, name, deadline };
    });
    const imageId = holds(taken);
    const [published] = await Promise.all([publish(taken), end()]);
    return { imageId, published };
  }
  await end();
  const taken = await board.wait('snapshot_timeout', { ...snapshot, note }, 'uploadVolume', (deadline) => {
    return { ref, role, volumeId: rootVolume, name, deadline };
  });
  return { imageId: holds(taken), published: await publish(taken) };
}
