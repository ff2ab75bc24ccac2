import { DEBIAN_LIKE, ENTERPRISE_LINUX, SUSE } from '../families.js';
import type { ProfileVariant, TargetProfile } from '../types.js';

const COMMON = {
  fragment: '<packages><package name="qemu-guest-agent"/></packages>',
  drivers: ['virtio_blk', 'virtio_scsi'],
  modules: ['virtio_net'],
  datasources: ['NoCloud', 'ConfigDrive', 'None'],
} satisfies Partial<ProfileVariant>;

export const ovirt: TargetProfile = {
  name: 'ovirt',
  variants: [
    { families: DEBIAN_LIKE, from: '9', ...COMMON },
    { families: [...ENTERPRISE_LINUX, 'fedora'], from: '7', ...COMMON },
    { families: SUSE, from: '12', ...COMMON },
  ],
};
