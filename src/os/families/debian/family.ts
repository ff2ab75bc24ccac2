import { isFrom, parseVersion, type Version } from '../../common/versions.js';
import type { OsFamily } from '../../profile/types.js';
import { APT_TOOLS } from './guest.js';
import { planDebianInstaller, type InstallerFolder } from './installer.js';

const PRESEED = {
  installTypes: ['url', 'iso'],
  scriptKind: 'preseed',
  tools: APT_TOOLS,
  verified: 'fake cloud',
} as const;

/** Debian, installed with debian-installer and a preseed file. */
export const debian: OsFamily = {
  family: 'debian',
  title: 'Debian',
  names: ['Debian'],
  releases: [
    { ...PRESEED, from: '5', to: '6', arches: ['x86_64', 'i386'] },
    { ...PRESEED, from: '7', to: '7', arches: ['x86_64', 'i386', 'armv7l', 's390x'] },
    { ...PRESEED, from: '8', to: '11', arches: ['x86_64', 'i386', 'aarch64', 'armv7l', 'ppc64le', 's390x'] },
    {
      ...PRESEED,
      from: '12',
      to: '12',
      arches: ['x86_64', 'i386', 'aarch64', 'armv7l', 'ppc64le', 's390x'],
      verified: 'installed',
      note: 'installed on x86_64',
    },
    {
      ...PRESEED,
      from: '13',
      to: '13',
      arches: ['x86_64', 'aarch64', 'armv7l', 'ppc64le', 's390x'],
    },
  ],
  oldSshUpTo: '7',
  usualMemoryFrom: '7',
  codeNames: {
    lenny: '5',
    squeeze: '6',
    wheezy: '7',
    jessie: '8',
    stretch: '9',
    buster: '10',
    bullseye: '11',
    bookworm: '12',
    trixie: '13',
  },
  versions: '5 to 13',
  readVersion: ({ version }) => (/^\d{1,3}(\.\d{1,3})?$/.test(version) ? parseVersion(version) : undefined),
  planInstaller: (template, version) => planDebianInstaller(template, findFolder(version)),
};

function findFolder(version: Version): InstallerFolder {
  // Jessie's kernel passed `--` to init, so since then the separator is `---`.
  return { folder: 'debian-installer', distro: 'debian', separator: isFrom(version, '8') ? '---' : '--' };
}
