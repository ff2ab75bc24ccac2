import type { Template } from '../../../tdl/types.js';
import { isFrom, parseVersion, type Version } from '../../common/versions.js';
import { NO_TOOLS } from '../../guest/no-package-manager.js';
import type { InstallerPlan } from '../../installer/types.js';
import { NO_VIRTIO, WITHOUT_VIRTIO } from '../../installer/virtio.js';
import type { OsFamily } from '../../profile/types.js';
import { DRAKX_RELEASE, planDrakxInstaller } from '../mageia/drakx.js';

/* Mandrake and Mandriva, the predecessors of Mageia. They are no longer published: users bring their own media. */

const WITHOUT_VIRTIO_RELEASE = { ...DRAKX_RELEASE, note: NO_VIRTIO } as const;

/** Mandrake, as Mandriva was called before 2005. */
export const mandrake: OsFamily = {
  family: 'mandrake',
  title: 'Mandrake',
  names: ['Mandrake'],
  releases: [
    {
      ...DRAKX_RELEASE,
      tools: NO_TOOLS,
      from: '8.2',
      to: '8.2',
      arches: ['i386'],
      installTypes: [],
      reason: 'its medium has kernel and ramdisk in the image of a floppy disk only',
      verified: 'not yet',
    },
    { ...WITHOUT_VIRTIO_RELEASE, from: '9.0', to: '10.1', arches: ['i386'] },
  ],
  oldSshUpTo: '10.1',
  usualMemoryFrom: '11',
  versions: '8.2 to 10.1',
  readVersion: ({ version }) => (/^(8\.2|9\.[0-2]|10\.[01])$/.test(version) ? parseVersion(version) : undefined),
  planInstaller: (template, version) => planMandrivaInstaller(template, version, 'mandrake'),
};

export const mandriva: OsFamily = {
  family: 'mandriva',
  title: 'Mandriva',
  names: ['Mandriva'],
  releases: [
    { ...WITHOUT_VIRTIO_RELEASE, from: '2005', to: '2006.0', arches: ['x86_64', 'i386'] },
    { ...WITHOUT_VIRTIO_RELEASE, from: '2007.0', to: '2008.1', arches: ['x86_64', 'i386'] },
    { ...DRAKX_RELEASE, from: '2009.0', to: '2010.2', arches: ['x86_64', 'i386'] },
  ],
  oldSshUpTo: '2010.2',
  usualMemoryFrom: '2009',
  versions: '2005 to 2010.2',
  readVersion: ({ version }) =>
    /^(2005|2006\.0|200[789]\.[01]|2010\.[0-2])$/.test(version) ? parseVersion(version) : undefined,
  planInstaller: (template, version) => planMandrivaInstaller(template, version, 'mandriva'),
};

/**
 * Plans an installation of Mandrake or Mandriva. Media of 2007.0 and later have a folder for their architecture, and
 * the installer uses this folder as the root of the medium.
 */
function planMandrivaInstaller(template: Template, version: Version, distro: string): InstallerPlan {
  const { arch } = template.os;
  const root = isFrom(version, '2007') ? `${arch === 'i386' ? 'i586' : arch}/` : '';
  const boot = `${root}isolinux/alt0`;
  return planDrakxInstaller(template, {
    layout: {
      boots: { kernels: [`${boot}/vmlinuz`], ramdisks: [`${boot}/all.rdz`] },
      script: { path: `${root}${SCRIPT}` },
    },
    words: [
      'automatic=method:cdrom',
      `kickstart=${SCRIPT}`,
      // Before 2008.1, the ramdisk is the image of a file system. The first two words give its size and its device.
      ...(isFrom(version, '2008.1') ? [] : ['ramdisk_size=128000', 'root=/dev/ram3', 'acpi=ht']),
    ],
    distro,
    ...(isFrom(version, '2009') ? {} : { buses: WITHOUT_VIRTIO }),
  });
}

const SCRIPT = 'auto_inst.cfg';
