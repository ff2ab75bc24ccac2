import { DEBIAN_LIKE, ENTERPRISE_LINUX, SUSE } from '../families.js';
import type { TargetProfile } from '../types.js';

/** VMware's tools, its paravirtual disk controller and its network card. */
const COMMON = {
  fragment: '<packages><package name="open-vm-tools"/></packages>',
  drivers: ['vmw_pvscsi'],
  optionalDrivers: ['mptspi', 'ahci'],
  modules: ['vmxnet3'],
  datasources: ['VMware', 'OVF', 'NoCloud', 'None'],
};

export const vsphere: TargetProfile = {
  name: 'vsphere',
  variants: [
    { families: DEBIAN_LIKE, from: '9', arches: ['x86_64', 'i386'], ...COMMON },
    { families: [...ENTERPRISE_LINUX, 'fedora'], from: '7', arches: ['x86_64'], ...COMMON },
    { families: SUSE, from: '12', arches: ['x86_64'], ...COMMON },
  ],
};
