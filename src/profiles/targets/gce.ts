import { DEBIAN_LIKE, ENTERPRISE_LINUX, SUSE } from '../families.js';
import { renderTimeServer } from '../time-server.js';
import type { ProfileVariant, TargetProfile } from '../types.js';

/**
 * Google's disks are behind virtio-scsi. cloud-init alone sets up users and keys: Google's own agent is in Google's
 * repository, which a template may add. https://cloud.google.com/compute/docs/import/requirements-export-import-images
 */
const COMMON = {
  fragment: renderTimeServer('metadata.google.internal'),
  drivers: ['virtio_scsi'],
  optionalDrivers: ['nvme'],
  modules: ['virtio_net'],
  kernelArguments: ['console=ttyS0,38400n8d', 'scsi_mod.use_blk_mq=Y', 'biosdevname=0'],
  datasources: ['GCE', 'None'],
  summary: 'Google’s time server',
} satisfies Partial<ProfileVariant>;

export const gce: TargetProfile = {
  name: 'gce',
  variants: [
    { families: DEBIAN_LIKE, from: '9', arches: ['x86_64', 'aarch64'], ...COMMON },
    { families: [...ENTERPRISE_LINUX, 'fedora'], from: '7', arches: ['x86_64', 'aarch64'], ...COMMON },
    { families: SUSE, from: '12', arches: ['x86_64', 'aarch64'], ...COMMON },
  ],
};
