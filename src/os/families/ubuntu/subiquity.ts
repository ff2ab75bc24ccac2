import { FactoryError } from '../../../domain/errors.js';
import type { Template } from '../../../tdl/types.js';
import { type Arch, serialConsole } from '../../common/architectures.js';
import {
  joinCommandLine,
  buildMediumSource,
  buildTreeSource,
  type InstallerSource,
  buildLinuxProperties,
  STRIPPED_PROPERTIES,
  getTreeUrl,
} from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout, MediaIndex } from '../../installer/types.js';

/** Ubuntu's names of the architectures. */
const NAMES: Partial<Record<Arch, string>> = { x86_64: 'amd64', aarch64: 'arm64', ppc64le: 'ppc64el', s390x: 's390x' };

/**
 * Patterns of console lines with which casper and subiquity report a failure. An install script can print
 * IMAGEFACTORY-ERROR to report its own failure.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'Unable to find a (live file system|medium containing a live file system)',
  'ipconfig: no devices to configure',
  'An error occurred\\. Press enter to start a shell',
  'finish: subiquity/.*: FAIL',
  'Malformed autoinstall',
  'curtin command .* failed',
  'Kernel panic - not syncing',
];

/** The layout of the live server's medium. The medium carries no script: cloud-init passes the script to subiquity. */
const LAYOUT: IsoLayout = {
  boots: {
    kernels: ['casper/vmlinuz', 'casper/hwe-vmlinuz', 'casper/vmlinux', 'boot/kernel.ubuntu'],
    ramdisks: ['casper/initrd', 'casper/hwe-initrd', 'boot/initrd.ubuntu'],
  },
};

/**
 * Plans an installation by subiquity, Ubuntu's installer since 20.04. `<url>` is either the address of a live server's
 * ISO, or a folder that has the installer's kernel and ramdisk: the netboot folder beside the ISOs, or a medium that is
 * unpacked on a server. casper, a program in the ramdisk, fetches the ISO into memory: from `<url>`, from the address
 * in `kernelparam` (`url=` or `iso-url=`), or from the folder above the netboot folder. `<iso>` is the live server's
 * medium, and casper finds it in the CD-ROM drive.
 *
 * The script is the instance's user data. cloud-init runs in the live system, detects OpenStack by its DMI, and passes
 * the key `autoinstall` to subiquity. With the word `autoinstall` on the command line, subiquity does not ask whether
 * it may erase the disk.
 * https://ubuntu.com/server/docs/install/netboot-amd64
 */
export function planSubiquityInstaller(template: Template): InstallerPlan {
  const { os } = template;
  const console = serialConsole(os.arch);
  const { source, words } = os.install.type === 'iso' ? bootFromMedium(os.install) : bootFromTree(template);
  return {
    ...source,
    commandLine: joinCommandLine([
      ...words,
      'autoinstall',
      `console=${console}`,
      os.kernelparam,
      '---',
      `console=${console}`,
    ]),
    scriptKind: 'autoinstall',
    scriptTransport: 'user_data',
    bootImageProperties: {},
    imageProperties: buildLinuxProperties(os, 'ubuntu'),
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}

/** The files that casper is booted from, and the words of its command line. */
interface CasperBoot {
  source: InstallerSource;
  words: string[];
}

function bootFromMedium(install: Extract<Template['os']['install'], { type: 'iso' }>): CasperBoot {
  return { source: buildMediumSource(install, LAYOUT), words: [] };
}

function bootFromTree(template: Template): CasperBoot {
  const name = findArchName(template);
  const { folders, iso, indexes = [] } = findLocations(template, name);
  return {
    source: buildTreeSource(
      folders.flatMap((folder) => listKernels(folder, name)),
      folders.flatMap((folder) => listRamdisks(folder, name)),
      indexes,
    ),
    words: [
      // These words are from the manual. The first releases of casper do not find out by themselves that their root is
      // the ramdisk.
      'root=/dev/ram0',
      'ramdisk_size=1500000',
      'ip=dhcp',
      // cloud-init also reads `url=`, but expects the address of a cloud-config there, so it would fetch the ISO. The
      // word `cloud-config-url` prevents this.
      ...(iso === undefined ? [] : [`url=${iso}`]),
      'cloud-config-url=/dev/null',
    ],
  };
}

function findArchName({ os }: Template): string {
  const name = NAMES[os.arch];
  if (name !== undefined) return name;
  throw new FactoryError('UnsupportedOs', `Ubuntu's live server is not published for ${os.arch}`, {
    hint: `its architectures are ${Object.keys(NAMES).join(', ')}`,
  });
}

/** The locations of the installer's files. */
interface TreeLocations {
  /** Folders of kernel and ramdisk, best first. */
  folders: string[];
  /** The ISO that the installer fetches. Unset when `kernelparam` names the ISO. */
  iso?: string;
  /** The index of the published ISOs. Set when `iso` is a guess. */
  indexes?: MediaIndex[];
}

function findLocations(template: Template, port: string): TreeLocations {
  const { os } = template;
  const url = getTreeUrl(template);
  const beside = (address: string): string => address.slice(0, address.lastIndexOf('/'));
  const given = /(^|\s)(url|iso-url)=/.test(os.kernelparam ?? '');
  if (/\.iso$/i.test(url)) {
    const folder = beside(url);
    return { folders: [`${folder}/netboot/${port}`, folder], ...(given ? {} : { iso: url }) };
  }
  if (given) return { folders: [url] };
  const netboot = /^(.+)\/netboot(?:\/[\w-]+)?$/.exec(url)?.[1];
  if (netboot !== undefined) {
    const iso = `${netboot}/ubuntu-${os.version}-live-server-${port}.iso`;
    const release = os.version.split('.').slice(0, 2).join('\\.');
    const name = `ubuntu-${release}(\\.\\d+)?-live-server-${port}\\.iso`;
    return { folders: [url], iso, indexes: [{ format: 'isos', url: `${netboot}/SHA256SUMS`, guess: iso, name }] };
  }
  throw new FactoryError('UnsupportedOs', `the installer of Ubuntu ${os.version} needs the address of its ISO`, {
    hint: 'write the address of the live server’s ISO into <url>, or <kernelparam>url=http://…/ubuntu-…-live-server-….iso</kernelparam>',
  });
}

function listKernels(folder: string, port: string): string[] {
  return [`${folder}/linux`, `${folder}/${port}/linux`, `${folder}/casper/vmlinuz`, `${folder}/casper/vmlinux`];
}

function listRamdisks(folder: string, port: string): string[] {
  return [`${folder}/initrd`, `${folder}/${port}/initrd`, `${folder}/casper/initrd`];
}
