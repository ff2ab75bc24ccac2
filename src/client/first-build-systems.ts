/** A system for which {@link prepareFirstBuild} writes files. */
export interface FirstBuildSystem {
  /** Name of the system for the command line: `debian-12`. Names of the files begin with it. */
  id: string;
  /** `<name>` and `<version>` of the template. The architecture is x86_64. */
  name: string;
  version: string;
  /** Where the system is published, or an address that the user must replace. */
  install: { type: 'url' | 'iso'; address: string };
  /** What the user must write in place of the address. Unset when the address is that of the public mirror. */
  replace?: string;
  /** Size of the disk in GiB. */
  disk: number;
  /** User of the image, who can log in with the key of the instance. */
  user: string;
  /** Packages of the template, to show how they are written. */
  packages: readonly string[];
  /** Command of the template, to show how it is written. */
  command: string;
  /** Whether the template needs the password of its administrator. */
  needsPassword?: true;
}

const MOTD = "echo 'Built by imagefactory.' > /etc/motd";
/** The address of a medium that everybody gets from somewhere else. The name `example.org` belongs to nobody. */
const OWN_MEDIUM = 'http://mirror.example.org/iso';

const LINUX = { disk: 10, packages: ['tree'], command: MOTD } as const;
/** For systems whose packages need a subscription, or that have no package manager of their own. */
const WITHOUT_PACKAGES = { ...LINUX, packages: [] } as const;

function tree(address: string): FirstBuildSystem['install'] {
  return { type: 'url', address };
}

function medium(address: string): FirstBuildSystem['install'] {
  return { type: 'iso', address };
}

function debian(version: string, suite: string): FirstBuildSystem {
  const install = tree(`http://deb.debian.org/debian/dists/${suite}/main/installer-amd64/current/images/netboot`);
  return { ...LINUX, id: `debian-${version}`, name: 'Debian', version, install, user: 'debian' };
}

function ubuntu(version: string): FirstBuildSystem {
  const install = tree(`http://releases.ubuntu.com/${version}/netboot/amd64`);
  return { ...LINUX, id: `ubuntu-${version}`, name: 'Ubuntu', version, install, user: 'ubuntu' };
}

function fedora(version: string): FirstBuildSystem {
  const install = tree(`https://dl.fedoraproject.org/pub/fedora/linux/releases/${version}/Everything/x86_64/os/`);
  return { ...LINUX, id: `fedora-${version}`, name: 'Fedora', version, install, user: 'fedora' };
}

function enterprise(id: string, name: string, version: string, url: string, user = 'cloud-user'): FirstBuildSystem {
  return { ...LINUX, id: `${id}-${version}`, name, version, install: tree(url), user };
}

function freebsd(version: string): FirstBuildSystem {
  const iso = `https://download.freebsd.org/releases/amd64/amd64/ISO-IMAGES/${version}/FreeBSD-${version}-RELEASE-amd64-disc1.iso`;
  return { ...LINUX, id: `freebsd-${version}`, name: 'FreeBSD', version, install: medium(iso), user: 'root' };
}

function windows(version: string): FirstBuildSystem {
  return {
    id: `windows-${version.toLowerCase()}`,
    name: 'Windows',
    version,
    install: medium(`${OWN_MEDIUM}/windows-${version}.iso`),
    replace: 'the address of your Windows medium in English, on a server that your worker reaches',
    disk: 40,
    user: 'root',
    packages: [],
    command: "Set-Content C:\\built-by.txt 'Built by imagefactory.'",
    needsPassword: true,
  };
}

/** The systems for which the command line writes the files of a first build. */
export const FIRST_BUILD_SYSTEMS: readonly FirstBuildSystem[] = [
  debian('12', 'bookworm'),
  debian('13', 'trixie'),
  ubuntu('24.04'),
  ubuntu('26.04'),
  fedora('43'),
  fedora('44'),
  enterprise('centos-stream', 'CentOS-Stream', '9', 'http://mirror.stream.centos.org/9-stream/BaseOS/x86_64/os/'),
  enterprise('centos-stream', 'CentOS-Stream', '10', 'http://mirror.stream.centos.org/10-stream/BaseOS/x86_64/os/'),
  enterprise('rocky', 'Rocky', '9', 'https://download.rockylinux.org/pub/rocky/9/BaseOS/x86_64/os/', 'rocky'),
  enterprise('rocky', 'Rocky', '10', 'https://download.rockylinux.org/pub/rocky/10/BaseOS/x86_64/os/', 'rocky'),
  enterprise('almalinux', 'AlmaLinux', '9', 'https://repo.almalinux.org/almalinux/9/BaseOS/x86_64/os/', 'almalinux'),
  enterprise('almalinux', 'AlmaLinux', '10', 'https://repo.almalinux.org/almalinux/10/BaseOS/x86_64/os/', 'almalinux'),
  {
    ...LINUX,
    id: 'oraclelinux-9',
    name: 'OracleLinux',
    version: '9',
    install: medium(`${OWN_MEDIUM}/OracleLinux-R9-x86_64-dvd.iso`),
    replace: 'the address of the newest full medium of Oracle Linux 9 (…-dvd.iso), from yum.oracle.com',
    user: 'cloud-user',
  },
  {
    ...WITHOUT_PACKAGES,
    id: 'rhel-9',
    name: 'RHEL',
    version: '9',
    install: medium(`${OWN_MEDIUM}/rhel-9-x86_64-dvd.iso`),
    replace: 'the address of your full medium of RHEL 9 (…-dvd.iso), which Red Hat gives to its customers',
    user: 'cloud-user',
  },
  {
    ...LINUX,
    id: 'opensuse-leap-15.6',
    name: 'openSUSE-Leap',
    version: '15.6',
    install: tree('http://download.opensuse.org/distribution/leap/15.6/repo/oss/'),
    user: 'opensuse',
  },
  {
    ...LINUX,
    id: 'opensuse-leap-16.0',
    name: 'openSUSE-Leap',
    version: '16.0',
    install: medium(
      'https://download.opensuse.org/distribution/leap/16.0/offline/Leap-16.0-offline-installer-x86_64.install.iso',
    ),
    user: 'opensuse',
  },
  {
    ...WITHOUT_PACKAGES,
    id: 'sles-15-sp7',
    name: 'SLES',
    version: '15-SP7',
    install: medium(`${OWN_MEDIUM}/SLE-15-SP7-Full-x86_64.iso`),
    replace: 'the address of your medium of SLES 15 SP7 with all packages (“Full”), which SUSE gives to its customers',
    user: 'sles',
  },
  {
    ...LINUX,
    id: 'mageia-9',
    name: 'Mageia',
    version: '9',
    install: medium(`${OWN_MEDIUM}/Mageia-9-x86_64.iso`),
    replace: 'the address of Mageia’s “classic” installation medium on a mirror near you: see www.mageia.org',
    user: 'mageia',
  },
  freebsd('14.4'),
  freebsd('15.0'),
  windows('2022'),
  windows('2025'),
];
