import { createHash } from 'node:crypto';
import { FactoryError } from '../../domain/errors.js';
import type { PushedImage } from '../types.js';

const GIB = 1024 ** 3;
/** GiB of the largest EBS volume (gp3). */
const LARGEST_VOLUME = 65_536;
/** Characters of the longest name of an AMI. */
const LONGEST_NAME = 128;

/** What `image` must be for EC2, or a sentence that says what it is instead. */
export type Fit =
  | { architecture: 'x86_64' | 'arm64' | 'i386'; bootMode: 'uefi' | 'legacy-bios'; volumeSize: number }
  | { problem: string; hint: string };

const ARCHITECTURES: Readonly<Record<string, 'x86_64' | 'arm64' | 'i386'>> = {
  x86_64: 'x86_64',
  amd64: 'x86_64',
  aarch64: 'arm64',
  arm64: 'arm64',
  i386: 'i386',
  i686: 'i386',
};

/** Decides how EC2 starts an image, and whether it can. */
export function fitToEc2({ os, firmware, file, secureBoot }: PushedImage): Fit {
  const architecture = ARCHITECTURES[os.arch];
  if (file.format !== 'raw') {
    return { problem: `EC2 takes raw disks, not ${file.format}`, hint: 'push the target ec2 of the image' };
  }
  if (architecture === undefined) {
    return { problem: `EC2 has no machines for ${os.arch}`, hint: 'it has x86_64, aarch64 and i386' };
  }
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html: ARM instances start by UEFI only.
  if (architecture === 'arm64' && firmware === 'bios') {
    return { problem: 'machines for aarch64 start by UEFI only', hint: 'build the image with firmware uefi' };
  }
  if (architecture === 'i386' && firmware === 'uefi') {
    return { problem: 'machines for i386 start by BIOS only', hint: 'build the image with firmware bios' };
  }
  if (secureBoot) {
    return {
      problem: 'EC2 starts an image with Secure Boot only with the keys in its UEFI variables, which the image lacks',
      hint: 'build the image without Secure Boot',
    };
  }
  const volumeSize = Math.max(1, Math.ceil(file.virtualSize / GIB));
  if (volumeSize > LARGEST_VOLUME) {
    return {
      problem: `the disk has ${volumeSize} GiB, more than the ${LARGEST_VOLUME} of a volume`,
      hint: 'shrink it',
    };
  }
  return { architecture, bootMode: firmware === 'uefi' ? 'uefi' : 'legacy-bios', volumeSize };
}

/** As {@link fitToEc2}. @throws FactoryError ImageFailed when EC2 cannot start the image */
export function requireFit(image: PushedImage): Exclude<Fit, { problem: string }> {
  const fit = fitToEc2(image);
  if ('problem' in fit) throw new FactoryError('ImageFailed', fit.problem, { hint: fit.hint });
  return fit;
}

/**
 * Returns the name of the AMI: the image's name, its UUID, and the beginning of the digest. Names are unique in an
 * account and a region, and have 3 to 128 letters, digits and `()[] ./-'@_`
 * (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html).
 */
export function amiName({ name, uuid, file }: PushedImage): string {
  const end = `-${uuid}-${file.sha512.slice(0, 8)}`;
  return name.replaceAll(/[^A-Za-z0-9()[\] ./\-'@_]/g, '-').slice(0, LONGEST_NAME - end.length) + end;
}

/** Whether an AMI has the form of name that pushes of the image with this UUID give, whatever its bytes were. */
export function isAmiName(name: string | undefined, uuid: string): boolean {
  return name !== undefined && /^-[0-9a-f]{8}$/.test(name.slice(-9)) && name.slice(0, -9).endsWith(`-${uuid}`);
}

/**
 * Returns the client token of a request that makes something. It is a digest of the whole request, because EBS and EC2
 * refuse a token that comes again with other parameters. 64 ASCII characters are allowed.
 *
 * @param replaced what the same request has made before, and what has failed or is gone: EBS answers a repeated request
 *   with the snapshot that it once made, also when that was deleted
 */
export function clientToken(request: unknown, replaced = ''): string {
  return createHash('sha256')
    .update(`${replaced}\n${JSON.stringify(request)}`)
    .digest('hex');
}

/** Returns the partition of a region, as it stands in ARNs. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
