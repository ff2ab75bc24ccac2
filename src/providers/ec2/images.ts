import type { Filter, Image, RegisterImageRequest } from '@aws-sdk/client-ec2';
import { FactoryError } from '../../domain/errors.js';
import { isMarked, isMarkedAs } from '../../domain/provider-marks.js';
import type { Operation, PushedImage } from '../types.js';
import type { Aws, Region } from './aws.js';
import { hasCode } from './errors.js';
import { amiName, clientToken, isAmiName, requireFit } from './names.js';
import { VISIBLE_AFTER } from './snapshots.js';
import { filterImage, readTags, tagsOf } from './tags.js';

const ROOT_DEVICE = '/dev/sda1';
/** Copies of one push to one region that may fail before we stop making new ones. */
const MOST_FAILED = 20;
/** What EC2 says about a snapshot or an AMI that it has just made, where it does not show it yet. */
const NOT_VISIBLE_YET = ['InvalidSnapshot.NotFound', 'InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'];

/** What an AMI in one of these states is, for people. It never becomes available. */
const DEAD_STATES: Readonly<Record<string, string>> = {
  failed: 'EC2 could not make the AMI',
  error: 'EC2 could not make the AMI',
  invalid: 'EC2 takes the AMI for invalid',
  deregistered: 'somebody has deregistered the AMI',
  disabled: 'somebody has disabled the AMI',
};

/** The states of an AMI that EC2 has failed to make. Another one may take its place. */
const FAILED_STATES = ['failed', 'error', 'invalid'];

/** Whether EC2 has failed to make an AMI. */
export function hasFailed({ State }: Image): boolean {
  return FAILED_STATES.includes(State ?? '');
}

/** Whether an AMI was made by a push of the image with this UUID. A user's copy with our tags has another name. */
export function isOfPush({ Tags, Name }: Image, uuid: string): boolean {
  return isMarked(readTags(Tags), uuid) && isAmiName(Name, uuid);
}

/** Deregisters an AMI. @returns whether there was one */
export async function deregister(aws: Aws, operation: Operation, region: Region, id: string): Promise<boolean> {
  try {
    await aws.call(operation, region, 'ec2:DeregisterImage', (options) =>
      region.ec2.deregisterImage({ ImageId: id }, options),
    );
    return true;
  } catch (error) {
    if (hasCode(error, 'InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable')) return false;
    throw error;
  }
}

/** Lists AMIs of the account, also those that are disabled. */
export async function listImages(aws: Aws, operation: Operation, region: Region, filters: Filter[]): Promise<Image[]> {
  const found: Image[] = [];
  let next: string | undefined;
  do {
    const request = { Owners: ['self'], Filters: filters, IncludeDisabled: true, NextToken: next, MaxResults: 1000 };
    const page = await aws.call(operation, region, 'ec2:DescribeImages', (options) =>
      region.ec2.describeImages(request, options),
    );
    found.push(...(page.Images ?? []));
    next = page.NextToken || undefined;
  } while (next !== undefined);
  return found;
}

/** Reads an AMI. Undefined when there is none, or not yet. */
export async function readImage(
  aws: Aws,
  operation: Operation,
  region: Region,
  id: string,
): Promise<Image | undefined> {
  try {
    const { Images } = await aws.call(operation, region, 'ec2:DescribeImages', (options) =>
      region.ec2.describeImages({ ImageIds: [id], IncludeDisabled: true }, options),
    );
    return Images?.[0];
  } catch (error) {
    if (hasCode(error, 'InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable')) return undefined;
    throw error;
  }
}

/** The snapshots of an AMI. */
export function snapshotsOf({ BlockDeviceMappings }: Image): string[] {
  return (BlockDeviceMappings ?? []).flatMap(({ Ebs }) => (Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId]));
}

/**
 * Finds the AMI that a push of these bytes has made in a region. The name counts as well as the tags: a user's copy of
 * the AMI may have our tags, and is the user's.
 */
export async function findImage(
  aws: Aws,
  operation: Operation,
  region: Region,
  image: PushedImage,
): Promise<Image | undefined> {
  const filters = [...filterImage(image), { Name: 'name', Values: [amiName(image)] }];
  const found = await listImages(aws, operation, region, filters);
  // EC2 may show an AMI for a while after it was deregistered, or was so because it had failed.
  return found.find((one) => !isGone(one)) ?? found[0];
}

function isGone(image: Image): boolean {
  return hasFailed(image) || image.State === 'deregistered';
}

/** As {@link findImage}, but only an AMI that may become available. One that has failed is deregistered. */
async function findLiving(
  aws: Aws,
  operation: Operation,
  region: Region,
  image: PushedImage,
): Promise<Image | undefined> {
  const found = await findImage(aws, operation, region, image);
  if (found === undefined || !isGone(found)) return found;
  if (hasFailed(found)) await deregister(aws, operation, region, found.ImageId ?? '');
  return undefined;
}

/** Registers the snapshot as an AMI, unless an earlier attempt has done so. Replaces one that has failed. */
export async function registerImage(
  aws: Aws,
  operation: Operation,
  image: PushedImage,
  snapshot: string,
): Promise<Image> {
  const region = aws.home;
  const known = await findLiving(aws, operation, region, image);
  if (known !== undefined) return waitForImage(aws, operation, region, known.ImageId ?? '');
  const { architecture, bootMode } = requireFit(image);
  const request: RegisterImageRequest = {
    Name: amiName(image),
    Description: `${image.os.name} ${image.os.version} ${image.os.arch}`,
    Architecture: architecture,
    BootMode: bootMode,
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ImdsSupport: 'v2.0',
    RootDeviceName: ROOT_DEVICE,
    BlockDeviceMappings: [
      { DeviceName: ROOT_DEVICE, Ebs: { SnapshotId: snapshot, VolumeType: 'gp3', DeleteOnTermination: true } },
    ],
    // Other kinds than `image` are refused here. The snapshot has its tags since it was started.
    TagSpecifications: [{ ResourceType: 'image', Tags: tagsOf(image, operation) }],
  };
  const id = await makeOnce(aws, operation, region, image, async () => {
    const { ImageId } = await aws.call(operation, region, 'ec2:RegisterImage', (options) =>
      region.ec2.registerImage(request, options),
    );
    return ImageId;
  });
  return waitForImage(aws, operation, region, id);
}

/** Copies the AMI to another region, unless an earlier attempt has done so. Replaces a copy that has failed. */
export async function copyImage(
  aws: Aws,
  operation: Operation,
  image: PushedImage,
  source: string,
  target: Region,
): Promise<string> {
  const known = await findLiving(aws, operation, target, image);
  if (known?.ImageId !== undefined) return known.ImageId;
  const Tags = tagsOf(image, operation);
  const request = {
    SourceRegion: aws.home.name,
    SourceImageId: source,
    Name: amiName(image),
    Description: `${image.os.name} ${image.os.version} ${image.os.arch}`,
    TagSpecifications: [
      { ResourceType: 'image' as const, Tags },
      { ResourceType: 'snapshot' as const, Tags },
    ],
  };
  let failed: string | undefined;
  for (let count = 0; count < MOST_FAILED; count++) {
    const ClientToken = clientToken({ ...request, region: target.name }, failed);
    const id = await makeOnce(aws, operation, target, image, async () => {
      const { ImageId } = await aws.call(operation, target, 'ec2:CopyImage', (options) =>
        target.ec2.copyImage({ ...request, ClientToken }, options),
      );
      return ImageId;
    });
    // A repeated request is answered as the first was, whatever has become of the copy: so we look.
    const copy = await waitVisible(aws, operation, target, id);
    if (copy !== undefined && !isGone(copy)) return id;
    if (copy !== undefined && hasFailed(copy)) await deregister(aws, operation, target, id);
    failed = id;
  }
  throw new FactoryError(
    'ImageFailed',
    `${MOST_FAILED} copies of ${source} to ${target.name} have failed or are gone`,
    {
      hint: 'delete the image, then push again',
    },
  );
}

async function waitVisible(aws: Aws, operation: Operation, region: Region, id: string): Promise<Image | undefined> {
  for (let count = 0; ; count++) {
    const image = await readImage(aws, operation, region, id);
    if (image !== undefined || count >= VISIBLE_AFTER) return image;
    await operation.sleep(operation.pollInterval);
  }
}

/**
 * Makes an AMI. EC2 knows no client token for RegisterImage, but a name only once: when the name is taken, an earlier
 * call may have made the AMI whose reply was lost. What EC2 does not show at once is asked for some times: the AMI of
 * that name, and the snapshot or the AMI from which this one is made. A name is also free only a little after its AMI
 * was deregistered.
 *
 * @throws FactoryError Conflict when the name is that of another AMI
 */
async function makeOnce(
  aws: Aws,
  operation: Operation,
  region: Region,
  image: PushedImage,
  make: () => Promise<string | undefined>,
): Promise<string> {
  for (let count = 1; ; count++) {
    try {
      const id = await make();
      if (id === undefined) throw new FactoryError('CloudUnavailable', 'EC2 has made an AMI without an id');
      return id;
    } catch (error) {
      const isLast = count >= VISIBLE_AFTER;
      if (hasCode(error, 'InvalidAMIName.Duplicate')) {
        const id = await findByName(aws, operation, region, image, { isLast, cause: error });
        if (id !== undefined) return id;
      } else if (isLast || !hasCode(error, ...NOT_VISIBLE_YET)) {
        throw error;
      }
    }
    await operation.sleep(operation.pollInterval);
  }
}

/** @returns the AMI of this push that has the name already; undefined when none is visible that may become available */
async function findByName(
  aws: Aws,
  operation: Operation,
  region: Region,
  image: PushedImage,
  { isLast, cause }: { isLast: boolean; cause: FactoryError },
): Promise<string | undefined> {
  const name = amiName(image);
  const named = await listImages(aws, operation, region, [{ Name: 'name', Values: [name] }]);
  const taken = named.find((one) => !isGone(one)) ?? named[0];
  const isOurs = taken !== undefined && isMarkedAs(readTags(taken.Tags), image);
  if (isOurs && !isGone(taken)) return taken.ImageId;
  if (isOurs && hasFailed(taken)) await deregister(aws, operation, region, taken.ImageId ?? '');
  if (!isLast && (isOurs || taken === undefined)) return undefined;
  throw new FactoryError(
    'Conflict',
    isOurs
      ? `the name ${name} in ${region.name} is not free yet after ${taken.ImageId ?? 'its AMI'} was deregistered`
      : `the name ${name} in ${region.name} is that of ${taken?.ImageId ?? 'another AMI'}, which this push has not made`,
    { hint: 'rename or deregister that AMI, then push again', cause },
  );
}

/** Waits until instances can be started from an AMI. @throws FactoryError ImageFailed with what EC2 says */
export async function waitForImage(aws: Aws, operation: Operation, region: Region, id: string): Promise<Image> {
  for (let missing = 0; ;) {
    const image = await readImage(aws, operation, region, id);
    if (image?.State === 'available') return image;
    const reason = image?.StateReason?.Message || image?.StateReason?.Code || 'EC2 gives no reason';
    const dead = DEAD_STATES[image?.State ?? ''];
    if (dead !== undefined) {
      throw new FactoryError('ImageFailed', `${dead} ${id} in ${region.name} (${image?.State ?? ''}): ${reason}`, {
        hint: 'delete the image, then push again',
      });
    }
    if (image === undefined && ++missing >= VISIBLE_AFTER) {
      throw new FactoryError('ImageFailed', `the AMI ${id} was deregistered before it was available`, {
        retryable: true,
      });
    }
    operation.report({ message: `EC2 in ${region.name} makes ${id}: ${image?.State ?? 'not visible yet'}` });
    await operation.sleep(operation.pollInterval);
  }
}
