import { DEBIAN_LIKE, ENTERPRISE_LINUX, SUSE } from '../families.js';
import { renderTimeServer } from '../time-server.js';
import type { ProfileVariant, TargetProfile } from '../types.js';

/**
 * NVMe disks and Amazon's network card, as all instances of the Nitro system have them. An I/O request to a disk over
 * the network must never time out. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/timeout-nvme-ebs-volumes.html
 */
const COMMON = {
  fragment: renderTimeServer('169.254.169.123'),
  drivers: ['nvme'],
  optionalDrivers: ['xen-blkfront'],
  modules: ['ena'],
  kernelArguments: ['console=tty0', 'console=ttyS0,115200n8', 'nvme_core.io_timeout=4294967295'],
  datasources: ['Ec2', 'None'],
  summary: 'Amazon’s time server',
} satisfies Partial<ProfileVariant>;

export const ec2: TargetProfile = {
  name: 'ec2',
  variants: [
    { families: DEBIAN_LIKE, from: '9', arches: ['x86_64', 'aarch64'], ...COMMON },
    { families: [...ENTERPRISE_LINUX, 'fedora'], from: '7', arches: ['x86_64', 'aarch64'], ...COMMON },
    { families: SUSE, from: '12', arches: ['x86_64', 'aarch64'], ...COMMON },
  ],
};
