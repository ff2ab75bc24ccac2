import { FactoryError } from '../build/errors.js';
import type { Template } from '../tdl/types.js';
import {
  addDebianRepository,
  cleanDebian,
  installDebianPackages,
  LIST_DEBIAN_PACKAGES,
  removeDebianRepository,
} from './debian-guest.js';
import { architectureProperty, commandLineOf, STRIPPED, treeUrl, USER_DATA_URL } from './installer.js';
import type { InstallerPlan, OsProfile } from './types.js';

/** Versions that the profile was made for. */
const OLDEST = 5;
const NEWEST = 13;

interface Port {
  /** Debian's name of the architecture. */
  name: string;
  /** Where the kernel may lie in the netboot folder, best first, and the ramdisk. */
  kernels: string[];
  ramdisks: string[];
  /** The serial console that OpenStack's machines of this architecture have. */
  console: string;
}

const PORTS: Partial<Record<Template['os']['arch'], Port>> = {
  x86_64: port('amd64', 'ttyS0,115200n8'),
  i386: port('i386', 'ttyS0,115200n8'),
  aarch64: port('arm64', 'ttyAMA0'),
  ppc64le: {
    ...port('ppc64el', 'hvc0'),
    kernels: ['debian-installer/ppc64el/vmlinux', 'debian-installer/ppc64el/linux'],
  },
  armv7l: {
    ...port('armhf', 'ttyAMA0'),
    // The archive has them in the folder itself, Debian's own packages of the installer one level down.
    kernels: ['vmlinuz', 'debian-installer/armhf/vmlinuz'],
    ramdisks: ['initrd.gz', 'debian-installer/armhf/initrd.gz'],
  },
  // The folder is images/generic there: s390x boots from no network card.
  s390x: { ...port('s390x', 'ttysclp0'), kernels: ['kernel.debian'], ramdisks: ['initrd.debian'] },
};

function port(name: string, console: string): Port {
  const folder = `debian-installer/${name}`;
  return { name, console, kernels: [`${folder}/linux`], ramdisks: [`${folder}/initrd.gz`] };
}

/**
 * What debian-installer prints when it cannot go on: its text frontend titles every error `!! ERROR:`, and a step that
 * failed ends in the dialogue "Installation step failed". An install script may say IMAGEFACTORY-ERROR itself.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  '!! ERROR:',
  '[Ii]nstallation step failed',
  'The failing step is',
  'No kernel modules were found',
  'Failed to (retrieve|process) the preconfiguration file',
  'Bad archive mirror',
  'Network autoconfiguration failed',
  'Failed to partition the selected disk',
  'No root file system is defined',
  'Unable to install (GRUB|the selected kernel)',
  'Kernel panic - not syncing',
];

/** Debian, by debian-installer's netboot images and a preseed file. */
export const debian: OsProfile = {
  family: 'debian',
  names: ['Debian'],
  versions: `${OLDEST} to ${NEWEST}`,
  arches: Object.keys(PORTS),
  installTypes: ['url'],
  scriptKind: 'preseed',
  accepts: (version) => /^\d{1,3}(\.\d{1,3})?$/.test(version) && parseInt(version, 10) >= OLDEST,
  isNewer: (version) => parseInt(version, 10) > NEWEST,
  installer,
  addRepository: addDebianRepository,
  removeRepository: removeDebianRepository,
  installPackages: installDebianPackages,
  listPackages: LIST_DEBIAN_PACKAGES,
  cleanGuest: cleanDebian,
};

function installer(template: Template): InstallerPlan {
  const { os } = template;
  const url = treeUrl(template);
  const debianPort = PORTS[os.arch];
  if (debianPort === undefined) {
    throw new FactoryError('UnsupportedOs', `Debian has no installer for ${os.arch}`, {
      hint: `its architectures here are ${Object.keys(PORTS).join(', ')}`,
    });
  }
  const images = url.slice(0, url.lastIndexOf('/'));
  return {
    kernel: { role: 'kernel', urls: debianPort.kernels.map((path) => `${url}/${path}`) },
    ramdisk: { role: 'ramdisk', urls: debianPort.ramdisks.map((path) => `${url}/${path}`) },
    // MANIFEST, udeb.list and SHA256SUMS lie in images/, beside netboot/.
    indexes: [{ format: 'sha256sums', url: `${images}/SHA256SUMS`, prefix: `./${url.slice(images.length + 1)}/` }],
    commandLine: commandLine(template, debianPort),
    scriptKind: 'preseed',
    scriptTransport: 'user_data',
    bootImageProperties: {},
    imageProperties: {
      os_type: 'linux',
      os_distro: 'debian',
      os_version: os.version,
      architecture: architectureProperty(os.arch),
    },
    strippedProperties: [...STRIPPED],
    failurePatterns: [...FAILURES],
  };
}

/**
 * What stands before the separator is for the installer, what stands after it is kept for the installed system (the
 * installation guide, "Using boot parameters to answer questions"). `kernelparam` is the installer's, as TDL has always meant it, so
 * it stands before; a preseed file answers for the installed system (debian-installer/add-kernel-opts).
 *
 * `auto=true` puts the questions off until the network is up and the preseed file is there; the host name must be given here,
 * because the network is set up before the file is read. It is the same for all templates, so that they can share a JEOS.
 * DEBIAN_FRONTEND=text keeps the console readable line by line.
 */
function commandLine(template: Template, { console }: Port): string {
  const { kernelparam, version } = template.os;
  // Jessie's kernel gave `--` to init: since then the separator is `---`.
  const separator = parseInt(version, 10) <= 7 ? '--' : '---';
  return commandLineOf([
    'auto=true',
    'priority=critical',
    `url=${USER_DATA_URL}`,
    'hostname=jeos',
    'domain=local',
    'DEBIAN_FRONTEND=text',
    'netcfg/dhcp_timeout=60',
    `console=${console}`,
    kernelparam,
    separator,
    `console=${console}`,
  ]);
}
