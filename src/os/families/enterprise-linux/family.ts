import type { Arch } from '../../common/architectures.js';
import { isFrom, type Version } from '../../common/versions.js';
import { planAnacondaInstaller, type AnacondaOptions } from '../../installer/anaconda.js';
import { NO_VIRTIO } from '../../installer/virtio.js';
import type { OsFamily, OsName, Release } from '../../profile/types.js';
import { DNF, YUM, OLD_YUM } from '../fedora/guest.js';

const KICKSTART = { installTypes: ['url', 'iso'], scriptKind: 'kickstart', verified: 'fake cloud' } as const;
const NO_YUM = 'RHEL itself has up2date instead of yum, so builds cannot add packages and repositories there';
const SIXTY_FOUR: Arch[] = ['x86_64', 'aarch64', 'ppc64le', 's390x'];

/** Releases that Red Hat and its derivatives have in common, by major version. */
const RELEASES: Release[] = [
  {
    ...KICKSTART,
    from: '3',
    to: '3.9',
    arches: ['x86_64', 'i386', 's390x'],
    tools: OLD_YUM,
    note: `${NO_VIRTIO}; ${NO_YUM}`,
  },
  {
    ...KICKSTART,
    from: '4',
    to: '4.9',
    arches: ['x86_64', 'i386', 's390x'],
    tools: OLD_YUM,
    note: `no virtio before update 8: IDE and rtl8139; ${NO_YUM}`,
  },
  {
    ...KICKSTART,
    from: '5',
    to: '5.11',
    arches: ['x86_64', 'i386', 's390x'],
    tools: OLD_YUM,
    note: 'no virtio before update 4: IDE and rtl8139',
  },
  { ...KICKSTART, from: '6', to: '6.10', arches: ['x86_64', 'i386', 'ppc64', 's390x'], tools: OLD_YUM },
  {
    ...KICKSTART,
    from: '7',
    to: '7.9',
    arches: ['x86_64', 'i386', 'aarch64', 'armv7l', 'ppc64', 'ppc64le', 's390x'],
    tools: YUM,
    note: 'i386 and armv7l by CentOS only',
  },
  { ...KICKSTART, from: '8', to: '8.10', arches: SIXTY_FOUR, tools: DNF },
  { ...KICKSTART, from: '9', to: '9.8', arches: SIXTY_FOUR, tools: DNF },
  { ...KICKSTART, from: '10', to: '10.2', arches: SIXTY_FOUR, tools: DNF },
];

/**
 * Matches a `<name>` that ends in the major version. Oz names these systems `RHEL-6`, and has the update in
 * `<version>`. `Rocky` with version 9.4 means the same as `Rocky-9` with version 4.
 */
const MAJOR = /^(.+?)-(\d{1,2})$/;

/** Red Hat Enterprise Linux, or one of its derivatives. */
interface Distribution {
  family: string;
  title: string;
  names: string[];
  /** The image property os_distro: the distribution's name in libosinfo. */
  distro: string;
  /** The architectures that it is published for. Default: all of the releases' architectures. */
  arches?: Arch[];
  /** Whether it has only major versions, without updates. */
  rolling?: boolean;
  /** The first and the last major version. `last` is unset when there is no last one. */
  first: number;
  last?: number;
}

function buildFamily({ family, title, names, distro, arches, rolling, first, last }: Distribution): OsFamily {
  const within = ({ from }: Release): boolean => Number(from) >= first && Number(from) <= (last ?? Infinity);
  const newest = last ?? 10;
  return {
    family,
    title,
    names,
    numberedNames: true,
    releases: RELEASES.filter(within).map((release) => ({
      ...release,
      arches: release.arches.filter((arch) => arches?.includes(arch) ?? true),
      ...(rolling === true ? { to: release.from } : {}),
    })),
    oldSshUpTo: '7',
    usualMemoryFrom: '6',
    versions:
      rolling === true
        ? `${first} to ${newest}`
        : `${first} to ${newest}, with or without an update (${newest}.1); or the update (GOLD, U3, 3) where the name is ${names[0]}-${newest}`,
    readVersion: rolling === true ? parseMajor : parseOsVersion,
    planInstaller: (template, version) => planAnacondaInstaller(template, chooseOptions(distro, version)),
  };
}

/** Red Hat Enterprise Linux and its derivatives. */
export const ENTERPRISE_LINUX: readonly OsFamily[] = [
  buildFamily({
    family: 'rhel',
    title: 'Red Hat Enterprise Linux',
    names: ['RHEL', 'RedHatEnterpriseLinux'],
    distro: 'rhel',
    first: 3,
  }),
  buildFamily({ family: 'centos', title: 'CentOS', names: ['CentOS'], distro: 'centos', first: 3 }),
  buildFamily({
    family: 'centos-stream',
    title: 'CentOS Stream',
    names: ['CentOS-Stream', 'CentOSStream'],
    distro: 'centos',
    rolling: true,
    first: 8,
  }),
  buildFamily({ family: 'rocky', title: 'Rocky Linux', names: ['Rocky', 'RockyLinux'], distro: 'rocky', first: 8 }),
  buildFamily({
    family: 'almalinux',
    title: 'AlmaLinux',
    names: ['AlmaLinux', 'Alma'],
    distro: 'almalinux',
    first: 8,
  }),
  buildFamily({
    family: 'oraclelinux',
    title: 'Oracle Linux',
    names: ['OracleLinux', 'OL', 'OEL', 'OracleEnterpriseLinux'],
    distro: 'ol',
    arches: ['x86_64', 'i386', 'aarch64'],
    first: 4,
  }),
  buildFamily({
    family: 'scientificlinux',
    title: 'Scientific Linux',
    names: ['ScientificLinux', 'SL', 'ScientificLinuxCern', 'SLC'],
    distro: 'scientificlinux',
    first: 3,
    last: 7,
  }),
];

/**
 * Parses the version of a template. `GOLD` is the release without updates, `U3` its third update. When the name
 * contains the major version, `<version>` is either the update alone, or the major version and the update.
 */
function parseOsVersion({ name, version }: OsName): Version | undefined {
  const named = MAJOR.exec(name)?.[2];
  const update = /^(?:GOLD|U?(\d{1,3}))$/i.exec(version);
  if (named !== undefined) {
    if (update !== null) return [Number(named), Number(update[1] ?? 0)];
    const both = /^(\d{1,2})\.(\d{1,3})$/.exec(version);
    return both?.[1] === named ? [Number(named), Number(both[2])] : undefined;
  }
  const match = /^(\d{1,2})(?:\.(\d{1,3}))?(?:-?stream)?$/i.exec(version);
  if (match === null) return undefined;
  return match[2] === undefined ? [Number(match[1])] : [Number(match[1]), Number(match[2])];
}

/**
 * Parses the version of CentOS Stream, which has no updates. `<version>` is the major version, unless the name has the
 * major version.
 */
function parseMajor({ name, version }: OsName): Version | undefined {
  const major = MAJOR.exec(name)?.[2] ?? /^(\d{1,2})(?:-?stream)?$/i.exec(version)?.[1];
  return major === undefined ? undefined : [Number(major)];
}

function chooseOptions(distro: string, version: Version): AnacondaOptions {
  return {
    era: isFrom(version, '7') ? 'dracut' : 'loader',
    // RHEL 6's installation guide calls the option `repo=`. Older releases support only `method=`.
    tree: isFrom(version, '6') ? 'repo' : 'method',
    card: isFrom(version, '5') ? 'link' : 'eth0',
    virtio: isFrom(version, '5.4') || (version[0] === 4 && isFrom(version, '4.8')),
    distro,
    version: version.join('.'),
  };
}
