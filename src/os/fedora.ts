import type { Template } from '../tdl/types.js';
import {
  addFedoraRepository,
  cleanFedora,
  installFedoraPackages,
  LIST_FEDORA_PACKAGES,
  removeFedoraRepository,
} from './fedora-guest.js';
import { architectureProperty, commandLineOf, STRIPPED, treeUrl, USER_DATA_URL } from './installer.js';
import type { InstallerPlan, OsProfile } from './types.js';

/** Releases that the profile was made for. */
const OLDEST = 7;
const NEWEST = 43;
/** Fedora's development release: always newer than what we know. */
const RAWHIDE = 'rawhide';

interface Port {
  /** The architecture's name in `.treeinfo`. */
  name: string;
  kernel: string;
  ramdisk: string;
  console: string;
}

const PXEBOOT = { kernel: 'images/pxeboot/vmlinuz', ramdisk: 'images/pxeboot/initrd.img' };
const POWER = { kernel: 'ppc/ppc64/vmlinuz', ramdisk: 'ppc/ppc64/initrd.img', console: 'hvc0' };

const PORTS: Record<Template['os']['arch'], Port> = {
  x86_64: { name: 'x86_64', ...PXEBOOT, console: 'ttyS0,115200n8' },
  i386: { name: 'i386', ...PXEBOOT, console: 'ttyS0,115200n8' },
  aarch64: { name: 'aarch64', ...PXEBOOT, console: 'ttyAMA0' },
  armv7l: { name: 'armhfp', ...PXEBOOT, console: 'ttyAMA0' },
  ppc64: { name: 'ppc64', ...POWER },
  ppc64le: { name: 'ppc64le', ...POWER },
  s390x: { name: 's390x', kernel: 'images/kernel.img', ramdisk: 'images/initrd.img', console: 'ttysclp0' },
};

/** What anaconda, and dracut before it, print when they cannot go on. An install script may say IMAGEFACTORY-ERROR itself. */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  '(^|\\r)Traceback \\(most recent call last\\)',
  'anaconda .*exception report has been written',
  'An unknown error has occurred',
  'The following error occurred while parsing the kickstart',
  'The installation was stopped due to',
  'Non interactive installation failed',
  'Error setting up (base|software) (repository|source)',
  'dracut-initqueue.*timeout',
  'Entering emergency mode',
  'Pane is dead',
  'Kernel panic - not syncing',
];

/** Fedora, by anaconda's network boot images and a kickstart file. */
export const fedora: OsProfile = {
  family: 'fedora',
  names: ['Fedora'],
  versions: `${OLDEST} to ${NEWEST}`,
  arches: Object.keys(PORTS),
  installTypes: ['url'],
  scriptKind: 'kickstart',
  accepts: (version) => isRawhide(version) || (/^\d{1,3}$/.test(version) && Number(version) >= OLDEST),
  isNewer: (version) => isRawhide(version) || Number(version) > NEWEST,
  installer,
  addRepository: addFedoraRepository,
  removeRepository: removeFedoraRepository,
  installPackages: installFedoraPackages,
  listPackages: LIST_FEDORA_PACKAGES,
  cleanGuest: cleanFedora,
};

function isRawhide(version: string): boolean {
  return version.toLowerCase() === RAWHIDE;
}

function releaseOf(version: string): number {
  return isRawhide(version) ? NEWEST + 1 : Number(version);
}

function installer(template: Template): InstallerPlan {
  const { os } = template;
  const url = treeUrl(template);
  const port = PORTS[os.arch];
  const buses = busProperties(os.version);
  return {
    kernel: { role: 'kernel', urls: [`${url}/${port.kernel}`] },
    ramdisk: { role: 'ramdisk', urls: [`${url}/${port.ramdisk}`] },
    indexes: [{ format: 'treeinfo', url: `${url}/.treeinfo`, section: `images-${port.name}` }],
    commandLine: commandLine(template, url, port),
    scriptKind: 'kickstart',
    scriptTransport: 'user_data',
    bootImageProperties: { ...buses },
    imageProperties: {
      os_type: 'linux',
      os_distro: 'fedora',
      os_version: os.version,
      architecture: architectureProperty(os.arch),
      ...buses,
    },
    strippedProperties: [...STRIPPED],
    failurePatterns: [...FAILURES],
  };
}

/** Fedora 7 and 8 have no virtio in their installer. */
function busProperties(version: string): Record<string, string> {
  return releaseOf(version) <= 8 ? { hw_disk_bus: 'ide', hw_vif_model: 'rtl8139' } : {};
}

/**
 * anaconda's options have carried the prefix `inst.` since it moved into dracut's initramfs (Fedora 17); without it they were
 * still read until Fedora 33 warned and 34 ignored them. Its older loader knows only the bare names, and `method=` for the
 * tree. `inst.repo` names the tree even where the kickstart does too, because the installer's second stage comes from it.
 * The last console is the one that the installer talks to: the serial one, which Nova keeps.
 */
function commandLine(template: Template, url: string, port: Port): string {
  const { kernelparam, version } = template.os;
  const options =
    releaseOf(version) >= 17
      ? [`inst.ks=${USER_DATA_URL}`, `inst.repo=${url}`, 'inst.text']
      : [`ks=${USER_DATA_URL}`, `method=${url}`, 'text', 'ksdevice=link'];
  return commandLineOf([...options, 'console=tty0', `console=${port.console}`, kernelparam]);
}
