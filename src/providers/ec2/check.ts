import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../../domain/provider-image.js';
import { isMarkedAs } from '../../domain/provider-marks.js';
import type { Operation, PushedImage } from '../types.js';
import type { Aws, Region, SendOptions } from './aws.js';
import { hasCode } from './errors.js';
import { listImages } from './images.js';
import { amiName, fitToEc2 } from './names.js';
import { readTags } from './tags.js';

/** An id that no resource has. A call with it is refused: for lack of permission, or because there is no such thing. */
const NO_SNAPSHOT = 'snap-00000000000000000';
const NO_IMAGE = 'ami-00000000000000000';
/** SHA-256 of nothing, base64. */
const EMPTY_CHECKSUM = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

type Probe = [what: string, action: `${'ec2' | 'ebs'}:${string}`, send: (options: SendOptions) => Promise<unknown>];

/**
 * Tries the permissions of a push. Nothing is made: EC2 has dry runs, and EBS is asked about a snapshot that is not
 * there.
 */
export async function checkProvider(
  aws: Aws,
  operation: Operation,
  copyTo: readonly string[],
  tags: { Key: string; Value: string }[],
  image: PushedImage | undefined,
): Promise<Finding[]> {
  const { home } = aws;
  const isPush = image !== undefined;
  const findings: Finding[] = [];
  const access = await probe(aws, operation, home, isPush, [
    'list AMIs, with these credentials',
    'ec2:DescribeImages',
    (options) => home.ec2.describeImages({ Owners: ['self'], MaxResults: 5 }, options),
  ]);
  findings.push(access);
  // Without credentials, or without an answer, each other probe would say the same.
  if (!access.ok && access.hint?.includes('permission') !== true) return findings;
  for (const one of probesOf(home, tags)) findings.push(await probe(aws, operation, home, isPush, one));
  for (const name of copyTo) {
    const region = aws.region(name);
    findings.push(await probe(aws, operation, region, isPush, copyProbe(region, home)));
  }
  if (image !== undefined) findings.push(...(await checkImage(aws, operation, image)));
  return findings;
}

function probesOf({ ec2, ebs }: Region, Tags: { Key: string; Value: string }[]): Probe[] {
  return [
    [
      'list snapshots',
      'ec2:DescribeSnapshots',
      (options) => ec2.describeSnapshots({ OwnerIds: ['self'], MaxResults: 5 }, options),
    ],
    [
      'start snapshots',
      'ebs:StartSnapshot',
      // A parent that does not exist: refused before anything is made.
      (options) => ebs.startSnapshot({ VolumeSize: 1, ParentSnapshotId: NO_SNAPSHOT, Tags }, options),
    ],
    [
      'write blocks of snapshots',
      'ebs:PutSnapshotBlock',
      (options) =>
        ebs.putSnapshotBlock(
          {
            SnapshotId: NO_SNAPSHOT,
            BlockIndex: 0,
            BlockData: Buffer.alloc(0),
            DataLength: 0,
            Checksum: EMPTY_CHECKSUM,
            ChecksumAlgorithm: 'SHA256',
          },
          options,
        ),
    ],
    [
      'complete snapshots',
      'ebs:CompleteSnapshot',
      (options) => ebs.completeSnapshot({ SnapshotId: NO_SNAPSHOT, ChangedBlocksCount: 0 }, options),
    ],
    [
      'register AMIs',
      'ec2:RegisterImage',
      (options) =>
        ec2.registerImage(
          {
            DryRun: true,
            Name: 'imagefactory-check',
            RootDeviceName: '/dev/sda1',
            BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: NO_SNAPSHOT } }],
            TagSpecifications: [{ ResourceType: 'image', Tags }],
          },
          options,
        ),
    ],
  ];
}

function copyProbe({ name, ec2 }: Region, home: Region): Probe {
  return [
    `copy AMIs to ${name}`,
    'ec2:CopyImage',
    (options) =>
      ec2.copyImage(
        { DryRun: true, SourceRegion: home.name, SourceImageId: NO_IMAGE, Name: 'imagefactory-check' },
        options,
      ),
  ];
}

/** Whether a refusal shows that the call would be allowed for something that is there. */
function isAllowed(error: unknown): boolean {
  if (hasCode(error, 'DryRunOperation')) return true;
  return error instanceof FactoryError && ['NotFound', 'BadRequest'].includes(error.type);
}

/** @param isPush whether a push waits for the answer: then a failure that passes is thrown, and the step tried again */
async function probe(
  aws: Aws,
  operation: Operation,
  region: Region,
  isPush: boolean,
  [what, action, send]: Probe,
): Promise<Finding> {
  try {
    await aws.call(operation, region, action, send);
  } catch (error) {
    if (isAllowed(error)) return { what, ok: true };
    if (!(error instanceof FactoryError) || (isPush && error.retryable)) throw error;
    return { what, ok: false, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) };
  }
  return { what, ok: true };
}

async function checkImage(aws: Aws, operation: Operation, image: PushedImage): Promise<Finding[]> {
  const fit = fitToEc2(image);
  const findings: Finding[] = [
    'problem' in fit
      ? { what: `the image ${image.name}`, ok: false, message: fit.problem, hint: fit.hint }
      : { what: `the image ${image.name}`, ok: true },
  ];
  const name = amiName(image);
  const [taken] = await listImages(aws, operation, aws.home, [{ Name: 'name', Values: [name] }]);
  if (taken !== undefined && !isMarkedAs(readTags(taken.Tags), image)) {
    const message = `it is that of ${taken.ImageId ?? 'another AMI'}, which this push has not made`;
    findings.push({ what: `the name ${name}`, ok: false, message, hint: 'rename or deregister that AMI' });
  }
  return findings;
}
