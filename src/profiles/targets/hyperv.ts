import { ENTERPRISE_LINUX, SUSE } from '../families.js';
import type { ProfileVariant, TargetProfile } from '../types.js';

/** Hyper-V's bus, disk controller and network card. */
const DRIVERS = {
  drivers: ['hv_vmbus', 'hv_storvsc'],
  modules: ['hv_netvsc'],
} satisfies Partial<ProfileVariant>;

const HYPERV = {
  ...DRIVERS,
  kernelArguments: ['console=tty0', 'console=ttyS0,115200n8'],
  datasources: ['NoCloud', 'ConfigDrive', 'None'],
} satisfies Partial<ProfileVariant>;

/** https://learn.microsoft.com/en-us/azure/virtual-machines/linux/create-upload-generic */
const AZURE = {
  ...DRIVERS,
  kernelArguments: ['console=tty0', 'console=ttyS0,115200n8', 'earlyprintk=ttyS0,115200', 'rootdelay=300'],
  datasources: ['Azure'],
} satisfies Partial<ProfileVariant>;

/** Azure offers devices that these drivers make slow or noisy. */
const BLACKLIST = `
<files>
  <file name="/etc/modprobe.d/imagefactory-azure.conf">
blacklist floppy
blacklist amdgpu
blacklist nouveau
  </file>
</files>`;

function install(...packages: string[]): string {
  return `<packages>${packages.map((name) => `<package name="${name}"/>`).join('')}</packages>`;
}

export const hyperv: TargetProfile = {
  name: 'hyperv',
  variants: [
    { families: ['debian'], from: '9', arches: ['x86_64'], fragment: install('hyperv-daemons'), ...HYPERV },
    {
      families: ['ubuntu'],
      from: '14.04',
      arches: ['x86_64'],
      fragment: install('linux-cloud-tools-virtual'),
      ...HYPERV,
    },
    {
      families: [...ENTERPRISE_LINUX, 'fedora'],
      from: '7',
      arches: ['x86_64'],
      fragment: install('hyperv-daemons'),
      ...HYPERV,
    },
    { families: SUSE, from: '12', arches: ['x86_64'], fragment: install('hyper-v'), ...HYPERV },
  ],
};

export const azure: TargetProfile = {
  name: 'azure',
  variants: [
    {
      families: ['debian'],
      from: '9',
      arches: ['x86_64'],
      fragment: install('hyperv-daemons', 'waagent') + BLACKLIST,
      ...AZURE,
    },
    {
      families: ['ubuntu'],
      from: '14.04',
      arches: ['x86_64'],
      fragment: install('linux-cloud-tools-virtual', 'walinuxagent') + BLACKLIST,
      ...AZURE,
    },
    {
      families: [...ENTERPRISE_LINUX, 'fedora'],
      from: '7',
      arches: ['x86_64'],
      fragment: install('hyperv-daemons', 'WALinuxAgent') + BLACKLIST,
      ...AZURE,
    },
    {
      families: SUSE,
      from: '12',
      arches: ['x86_64'],
      fragment: install('hyper-v', 'python-azure-agent') + BLACKLIST,
      ...AZURE,
    },
  ],
};
