import type { Image } from '@aws-sdk/client-ec2';
import type { RegisteredImage } from '../../domain/provider-image.js';
import type { Region } from './aws.js';
import { snapshotsOf } from './images.js';
import { partitionOf } from './names.js';

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
