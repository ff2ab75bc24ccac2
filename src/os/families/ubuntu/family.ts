import type { Template } from '../../../tdl/types.js';
import type { Arch } from '../../common/architectures.js';
import { isFrom, parseVersion, type Version } from '../../common/versions.js';
import { NO_VIRTIO, WITHOUT_VIRTIO } from '../../installer/virtio.js';
import type { OsFamily, Release } from '../../profile/types.js';
import { planDebianInstaller, type InstallerFolder } from '../debian/installer.js';
import { UBUNTU_APT } from './guest.js';
import { planSubiquityInstaller } from './subiquity.js';

const SHARED = { installTypes: ['url', 'iso'], tools: UBUNTU_APT, verified: 'fake cloud' } as const;
const PRESEED = { ...SHARED, scriptKind: 'preseed' } as const;
const PC: Arch[] = ['x86_64', 'i386'];

const RELEASES: Release[] = [
  { ...PRESEED, from: '5.04', to: '7.10', arches: PC, note: NO_VIRTIO },
  { ...PRESEED, from: '8.04', to: '11.10', arches: PC },
  { ...PRESEED, from: '12.04', to: '13.10', arches: [...PC, 'armv7l'] },
  { ...PRESEED, from: '14.04', to: '15.10', arches: [...PC, 'aarch64', 'armv7l', 'ppc64le'] },
  {
    ...PRESEED,
    from: '16.04',
    to: '19.10',
    arches: [...PC, 'aarch64', 'armv7l', 'ppc64le', 's390x'],
  },
  {
    ...SHARED,
    scriptKind: 'autoinstall',
    from: '20.04',
    to: '26.04',
    arches: ['x86_64', 'aarch64', 'ppc64le', 's390x'],
    note: 'the live server’s ISO is fetched by the installer itself: the instance needs memory for it. From its legacy netboot folder (…/legacy-images/netboot), 20.04 is installed by debian-installer and a preseed file',
  },
];

/** Ubuntu, installed with debian-installer up to 19.10, and with subiquity since 20.04. */
export const ubuntu: OsFamily = {
  family: 'ubuntu',
  title: 'Ubuntu',
  names: ['Ubuntu'],
  releases: RELEASES,
  oldSshUpTo: '13.10',
  usualMemoryFrom: '12.04',
  codeNames: {
    trusty: '14.04',
    xenial: '16.04',
    bionic: '18.04',
    focal: '20.04',
    jammy: '22.04',
    noble: '24.04',
    resolute: '26.04',
  },
  versions: '5.04 to 26.04, with or without a point release',
  readVersion: ({ version }) =>
    /^(6\.06|\d{1,2}\.(04|10))(\.\d{1,2})?$/.test(version) ? parseVersion(version) : undefined,
  chooseRelease: (os, { release, version }) =>
    isLegacyTree(os, version) ? { ...release, scriptKind: 'preseed' } : undefined,
  planInstaller: (template, version) =>
    isFrom(version, '20.04') && !isLegacyTree(template.os, version)
      ? planSubiquityInstaller(template)
      : planDebianInstaller(template, findFolder(version)),
};

/** Checks whether a template installs 20.04 from the last debian-installer that Ubuntu has published. */
function isLegacyTree({ install }: Template['os'], version: Version): boolean {
  return (
    install.type === 'url' &&
    isFrom(version, '20.04') &&
    !isFrom(version, '20.10') &&
    /\/(legacy-)?images\/netboot\/*$/.test(install.url)
  );
}

function findFolder(version: Version): InstallerFolder {
  return {
    folder: 'ubuntu-installer',
    distro: 'ubuntu',
    // Debian changed the separator in the summer of 2014, so Ubuntu has the new one since 14.10.
    separator: isFrom(version, '14.10') ? '---' : '--',
    // Without these words, the installer of some releases asks for the keyboard before it has read the preseed file.
    words: ['locale=en_US', 'keyboard-configuration/layoutcode=us', 'console-setup/ask_detect=false'],
    ...(isFrom(version, '8.04') ? {} : { buses: WITHOUT_VIRTIO }),
  };
}
