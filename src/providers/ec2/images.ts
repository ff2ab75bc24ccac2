import type { Filter, Image, RegisterImageRequest } from '@aws-sdk/client-ec2';
import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { isMarkedAs } from '../../domain/provider-marks.js';
import type { Operation, PushedImage } from '../types.js';
import type { Aws, Region } from './aws.js';
import { hasCode } from './errors.js';
import { amiName, clientToken, partitionOf, requireFit } from './names.js';
import { VISIBLE_AFTER } from './snapshots.js';
import { filterImage, readTags, tagsOf } from './tags.js';

const ROOT_DEVICE = '/dev/sda1';

/** What an AMI in one of these states is, for people. It never becomes available. */
const DEAD_STATES: Readonly<Record<string, string>> = {
  failed: 'EC2 could not make the AMI',
  error: 'EC2 could not make the AMI',
  invalid: 'EC2 takes the AMI for invalid',
  deregistered: 'somebody has deregistered the AMI',
  disabled: 'somebody has disabled the AMI',
};

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
  return (await listImages(aws, operation, region, filters))[0];
}

/** Registers the snapshot as an AMI, unless an earlier attempt has done so. */
export async function registerImage(
  aws: Aws,
  operation: Operation,
  image: PushedImage,
  snapshot: string,
): Promise<Image> {
  const region = aws.home;
  const known = await findImage(aws, operation, region, image);
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

/** Copies the AMI to another region, unless an earlier attempt has done so. */
export async function copyImage(
  aws: Aws,
  operation: Operation,
  image: PushedImage,
  source: string,
  target: Region,
): Promise<string> {
  const known = await findImage(aws, operation, target, image);
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
  return makeOnce(aws, operation, target, image, async () => {
    const ClientToken = clientToken({ ...request, region: target.name });
    const { ImageId } = await aws.call(operation, target, 'ec2:CopyImage', (options) =>
      target.ec2.copyImage({ ...request, ClientToken }, options),
    );
    return ImageId;
  });
}

/**
 * Makes an AMI. EC2 knows no client token for RegisterImage, but a name only once: when the name is taken, an earlier
 * call may have made the AMI whose reply was lost.
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
  const name = amiName(image);
  try {
    const id = await make();
    if (id === undefined) throw new FactoryError('CloudUnavailable', 'EC2 has made an AMI without an id');
    return id;
  } catch (error) {
    if (!hasCode(error, 'InvalidAMIName.Duplicate')) throw error;
    const taken = await waitForName(aws, operation, region, name);
    if (taken?.ImageId !== undefined && isMarkedAs(readTags(taken.Tags), image)) return taken.ImageId;
    throw new FactoryError(
      'Conflict',
      `the name ${name} in ${region.name} is that of ${taken?.ImageId ?? 'another AMI'}, which this push has not made`,
      { hint: 'rename or deregister that AMI, then push again', cause: error },
    );
  }
}

async function waitForName(aws: Aws, operation: Operation, region: Region, name: string): Promise<Image | undefined> {
  for (let count = 0; count < VISIBLE_AFTER; count++) {
    const [found] = await listImages(aws, operation, region, [{ Name: 'name', Values: [name] }]);
    if (found !== undefined) return found;
    await operation.sleep(operation.pollInterval);
  }
  return undefined;
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

/** A copy of the AMI in another region. */
export interface ImageCopy {
  region: string;
  image: Image;
}

/** The kinds of `resources` of a registered image. The ids of copies have the region before them: `eu-west-1/ami-0`. */
export const RESOURCES = { snapshot: 'snapshot', imageCopy: 'copied AMI', snapshotCopy: 'copied snapshot' } as const;

/** Describes an AMI with its copies for the record. */
export function describeImage(
  region: Region,
  image: Image,
  copies: readonly ImageCopy[],
  verifiedBy: string,
): RegisteredImage {
  const { ImageId = '', OwnerId } = image;
  const snapshots = snapshotsOf(image).map((id) => ({ kind: RESOURCES.snapshot, id }));
  const copied = copies.flatMap((copy) => [
    { kind: RESOURCES.imageCopy, id: `${copy.region}/${copy.image.ImageId ?? ''}` },
    ...snapshotsOf(copy.image).map((id) => ({ kind: RESOURCES.snapshotCopy, id: `${copy.region}/${id}` })),
  ]);
  return {
    id: ImageId,
    // The ARN of an AMI has no account:
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    location: `arn:${partitionOf(region.name)}:ec2:${region.name}::image/${ImageId}`,
    ...(OwnerId !== undefined && { account: OwnerId }),
    region: region.name,
    resources: [...snapshots, ...copied],
    verifiedBy,
  };
}
