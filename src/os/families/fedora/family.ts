import type { Arch } from '../../common/architectures.js';
import { isFrom, parseVersion, type Version } from '../../common/versions.js';
import { planAnacondaInstaller, type AnacondaOptions } from '../../installer/anaconda.js';
import { FLOPPY } from '../../installer/unsupported.js';
import { NO_VIRTIO } from '../../installer/virtio.js';
import type { OsFamily, Release } from '../../profile/types.js';
import { DNF, RPM_ONLY, YUM, OLD_YUM } from './guest.js';

/** Fedora's development release. It counts as newer than every release here. */
const RAWHIDE = 'rawhide';

/**
 * The architectures that Fedora has published, by era. The last 32-bit architectures are i386, with install trees up to
 * Fedora 30, and armv7l, up to Fedora 36.
 */
const OLD: Arch[] = ['x86_64', 'i386', 'ppc64'];
const MIDDLE: Arch[] = ['x86_64', 'i386', 'aarch64', 'armv7l', 'ppc64', 'ppc64le', 's390x'];
const NEW: Arch[] = ['x86_64', 'aarch64', 'ppc64le', 's390x'];

const KICKSTART = { installTypes: ['url', 'iso'], scriptKind: 'kickstart', verified: 'fake cloud' } as const;

const RELEASES: Release[] = [
  { ...KICKSTART, from: '7', to: '8', arches: OLD, tools: OLD_YUM, note: NO_VIRTIO },
  { ...KICKSTART, from: '9', to: '13', arches: OLD, tools: OLD_YUM },
  { ...KICKSTART, from: '14', to: '16', arches: [...OLD, 's390x'], tools: YUM },
  { ...KICKSTART, from: '17', to: '21', arches: MIDDLE, tools: YUM },
  { ...KICKSTART, from: '22', to: '28', arches: MIDDLE, tools: DNF },
  { ...KICKSTART, from: '29', to: '30', arches: [...NEW, 'i386', 'armv7l'], tools: DNF },
  { ...KICKSTART, from: '31', to: '36', arches: [...NEW, 'armv7l'], tools: DNF },
  { ...KICKSTART, from: '37', to: '44', arches: NEW, tools: DNF },
];

/** Fedora, installed with anaconda and a kickstart file. */
export const fedora: OsFamily = {
  family: 'fedora',
  title: 'Fedora',
  names: ['Fedora'],
  releases: RELEASES,
  oldSshUpTo: '20',
  usualMemoryFrom: '13',
  versions: '7 to 44, or rawhide',
  readVersion: ({ version }) => {
    if (version.toLowerCase() === RAWHIDE) return [Infinity];
    return /^\d{1,3}$/.test(version) ? parseVersion(version) : undefined;
  },
  planInstaller: (template, version) => planAnacondaInstaller(template, chooseOptions(version, template.os.version)),
};

/**
 * Chooses anaconda's options. On the command line, they have the prefix `inst.` since anaconda moved into dracut's
 * initramfs (Fedora 17). Names without the prefix worked until Fedora 33 warned about them and Fedora 34 ignored them.
 * The older loader supports only the names without the prefix, and `method=` for the tree. `inst.repo` names the tree
 * even when the kickstart does too, because the installer's second stage comes from the tree.
 */
function chooseOptions(version: Version, written: string): AnacondaOptions {
  return {
    era: isFrom(version, '17') ? 'dracut' : 'loader',
    virtio: isFrom(version, '9'),
    distro: 'fedora',
    version: written,
  };
}

/** Fedora Core, as Fedora was called before its seventh release. */
export const fedoraCore: OsFamily = {
  family: 'fedora-core',
  title: 'Fedora Core',
  names: ['FedoraCore', 'FC'],
  releases: [
    {
      ...KICKSTART,
      from: '1',
      to: '6',
      arches: ['x86_64', 'i386'],
      tools: OLD_YUM,
      note: NO_VIRTIO,
    },
  ],
  oldSshUpTo: '6',
  usualMemoryFrom: '7',
  versions: '1 to 6',
  readVersion: ({ version }) => (/^[1-6]$/.test(version) ? parseVersion(version) : undefined),
  planInstaller: (template, version) =>
    planAnacondaInstaller(template, chooseCoreOptions(version, template.os.version)),
};

/** Red Hat Linux, the predecessor of Fedora Core. */
export const redHatLinux: OsFamily = {
  family: 'red-hat-linux',
  title: 'Red Hat Linux',
  names: ['RedHatLinux', 'RHL'],
  releases: [
    {
      ...KICKSTART,
      from: '7.0',
      to: '8',
      arches: ['i386'],
      tools: RPM_ONLY,
      installTypes: [],
      reason: FLOPPY,
      verified: 'not yet',
    },
    {
      ...KICKSTART,
      from: '9',
      to: '9',
      arches: ['i386'],
      tools: RPM_ONLY,
      note: 'no program that fetches packages: <packages> and <repositories> are refused',
    },
  ],
  oldSshUpTo: '9',
  usualMemoryFrom: '10',
  versions: '7.0 to 9',
  readVersion: ({ version }) => (/^(7\.[0-3]|8(\.0)?|9(\.0)?)$/.test(version) ? parseVersion(version) : undefined),
  planInstaller: (template, version) =>
    planAnacondaInstaller(template, {
      ...chooseCoreOptions(version, template.os.version),
      card: 'eth0',
      distro: 'rhl',
    }),
};

function chooseCoreOptions(version: Version, written: string): AnacondaOptions {
  return {
    era: 'loader',
    card: isFrom(version, '5') ? 'link' : 'eth0',
    virtio: false,
    distro: 'fedora',
    version: written,
  };
}
