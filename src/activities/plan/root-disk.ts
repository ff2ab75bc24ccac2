import { FactoryError } from '../../domain/errors.js';
import type { PlannedVolumes } from '../../domain/messages.js';
import type { BuildParameters } from '../../domain/parameters.js';
import type { InstallerPlan } from '../../os/installer/types.js';
import type { Template } from '../../tdl/types.js';
import type { Cloud, Flavor } from '../../openstack/types.js';
import { cancellationSignal } from '../shared/context.js';

/** Bytes in a GiB. Flavors and volumes give their sizes in GiB. */
const GIB = 1024n ** 3n;
/** Size in GiB of a root volume when neither template nor flavor gives one. Oz uses the same size. */
const DEFAULT_VOLUME = 10;

/** The disks of a build's instances. */
export interface PlannedDisks {
  /** The image's min_disk in GiB. */
  minDisk: number;
  volumes?: PlannedVolumes;
}

/**
 * Decides where the disks of a build's instances are, and how large they are.
 * @param smallest the GiB that the image of the first instance needs at least. 0 when the instance is installed
 * @throws FactoryError InvalidParameter when the flavor's disk is too small; UnsupportedOs when the build needs volumes
 *   and the cloud has no block storage
 */
export async function planDisks(
  cloud: Cloud,
  plan: { installer: Pick<InstallerPlan, 'medium'>; template: Pick<Template, 'diskSize'> },
  flavor: Flavor,
  { root_disk }: Pick<BuildParameters, 'root_disk'>,
  smallest = 0,
): Promise<PlannedDisks> {
  const media = plan.installer.medium !== undefined;
  const { diskSize } = plan.template;
  const hasVolumes = await cloud.volume.isAvailable({ signal: cancellationSignal() });
  const where = root_disk ?? (flavor.disk === 0 && hasVolumes ? 'volume' : 'local');
  if (!hasVolumes && (media || where === 'volume')) throw noBlockStorageError(cloud, media);
  if (where === 'local') {
    checkFlavorDisk(flavor, diskSize, smallest);
    // A flavor's disk of 0 GiB is as large as the image.
    return { minDisk: flavor.disk || smallest, ...(media ? { volumes: { media } } : {}) };
  }
  const wanted = diskSize === undefined ? 0 : Number((BigInt(diskSize) + GIB - 1n) / GIB);
  if (wanted !== 0 && wanted < smallest) {
    throw new FactoryError(
      'InvalidParameter',
      `the template asks for ${wanted} GiB, but the image needs ${smallest} GiB`,
      {
        hint: 'ask for more in <disk><size>, or leave it out',
      },
    );
  }
  const root = wanted || Math.max(flavor.disk || DEFAULT_VOLUME, smallest);
  return { minDisk: root, volumes: { root, media } };
}

/**
 * Decides whether the root disk of an instance that is booted from a base image is a volume, as {@link planDisks} does.
 * Returns the size of the volume in GiB; undefined when the disk is a local one.
 * @param minDisk the image's min_disk in GiB
 * @throws FactoryError InvalidParameter when the cloud has no block storage
 */
export async function chooseRootVolume(
  cloud: Cloud,
  flavor: Flavor,
  { root_disk }: Pick<BuildParameters, 'root_disk'>,
  minDisk: number,
): Promise<number | undefined> {
  const hasVolumes = await cloud.volume.isAvailable({ signal: cancellationSignal() });
  if ((root_disk ?? (flavor.disk === 0 && hasVolumes ? 'volume' : 'local')) === 'local') return undefined;
  if (!hasVolumes) throw noBlockStorageError(cloud, false);
  return minDisk || flavor.disk || DEFAULT_VOLUME;
}

function noBlockStorageError({ name }: Cloud, media: boolean): FactoryError {
  if (!media) {
    return new FactoryError('InvalidParameter', `parameter root_disk: cloud ${name} has no block storage (Cinder)`, {
      hint: 'leave root_disk out, or set it to local',
    });
  }
  return new FactoryError(
    'UnsupportedOs',
    `cloud ${name} has no block storage (Cinder), but an ISO can reach an instance only as a volume`,
    { hint: "install from an install tree, <install type='url'>, where the system has one" },
  );
}

function checkFlavorDisk(flavor: Flavor, diskSize: string | undefined, smallest: number): void {
  if (flavor.disk !== 0 && flavor.disk < smallest) {
    throw new FactoryError(
      'InvalidParameter',
      `flavor ${flavor.name} has a disk of ${flavor.disk} GiB, but the image needs ${smallest} GiB`,
      { hint: 'choose a flavor with a larger disk, or set --parameter root_disk volume' },
    );
  }
  if (diskSize === undefined || flavor.disk === 0 || BigInt(flavor.disk) * GIB >= BigInt(diskSize)) return;
  const wanted = (Number((BigInt(diskSize) * 10n) / GIB) / 10).toString();
  throw new FactoryError(
    'InvalidParameter',
    `flavor ${flavor.name} has a disk of ${flavor.disk} GiB, but the template asks for ${wanted} GiB`,
    { hint: 'choose a flavor with a larger disk, ask for less in <disk><size>, or set --parameter root_disk volume' },
  );
}
