import { FactoryError } from '../../../domain/errors.js';
import type { Template } from '../../../tdl/types.js';
import { type Arch, serialConsole } from '../../common/architectures.js';
import { USER_DATA_URL } from '../../common/user-data.js';
import {
  joinCommandLine,
  buildMediumSource,
  buildTreeSource,
  type InstallerSource,
  buildLinuxProperties,
  STRIPPED_PROPERTIES,
  getTreeUrl,
} from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';

/** The differences between the debian-installers of Debian and Ubuntu. */
export interface InstallerFolder {
  /** Folder in the netboot folder: `debian-installer`, or Ubuntu's `ubuntu-installer`. */
  folder: string;
  /** os_distro of the image. */
  distro: string;
  /** The word of the command line that separates the installer's words from those that the installed system keeps. */
  separator: '--' | '---';
  /**
   * Image properties that select devices other than virtio devices, for the boot image and for the images that the
   * build makes. Unset when the kernel has virtio drivers.
   */
  buses?: Record<string, string>;
  /** Words for the command line that only this distribution needs. Default: none. */
  words?: string[];
}

interface Port {
  /** Paths of kernel and ramdisk in the netboot folder, best first. */
  kernels: string[];
  ramdisks: string[];
}

/** Debian's names of the architectures. */
const NAMES: Partial<Record<Arch, string>> = {
  x86_64: 'amd64',
  i386: 'i386',
  aarch64: 'arm64',
  ppc64le: 'ppc64el',
  armv7l: 'armhf',
  s390x: 's390x',
};

function findPort(arch: Arch, { folder }: InstallerFolder): Port | undefined {
  const name = NAMES[arch];
  if (name === undefined) return undefined;
  const inside = `${folder}/${name}`;
  const usual = { kernels: [`${inside}/linux`], ramdisks: [`${inside}/initrd.gz`] };
  switch (arch) {
    case 'ppc64le':
      return { ...usual, kernels: [`${inside}/vmlinux`, `${inside}/linux`] };
    case 'armv7l':
      // Debian's archive has the files in the netboot folder itself. Debian's packages of the installer have the files
      // one level deeper. So we list both paths.
      return {
        kernels: ['vmlinuz', `${inside}/vmlinuz`],
        ramdisks: ['initrd.gz', `${inside}/initrd.gz`],
      };
    case 's390x':
      // The tree of s390x has the folder images/generic in place of netboot, because s390x does not boot from a network
      // card.
      return {
        kernels: [`kernel.${stripInstallerSuffix(folder)}`],
        ramdisks: [`initrd.${stripInstallerSuffix(folder)}`],
      };
    default:
      return usual;
  }
}

function stripInstallerSuffix(folder: string): string {
  return folder.replace('-installer', '');
}

/**
 * Patterns of console lines with which debian-installer reports a failure. Its text frontend begins the title of every
 * error with `!! ERROR:`, and a step that fails ends in the dialogue "Installation step failed". A question that the
 * script does not answer ends in a prompt, which nobody can answer. Prompts for passwords have another form, so they
 * have patterns of their own. An install script can print IMAGEFACTORY-ERROR to report its own failure.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  '!! ERROR:',
  '[Ii]nstallation step failed',
  'The failing step is',
  'No kernel modules were found',
  'Failed to (retrieve|process) the preconfiguration file',
  'Bad archive mirror',
  'The installer failed to download a file',
  'Network autoconfiguration failed',
  'Failed to partition the selected disk',
  'No root file system is defined',
  'Unable to install (GRUB|the selected kernel)',
  'Kernel panic - not syncing',
  "Prompt: '\\?' for help",
  '\\[Press enter to continue\\]',
  '^((Root|Remote installation|GRUB) password|Choose a password for the new user|Encryption passphrase):',
  '^Re-enter pass(word|phrase) to verify:',
];

/** Plans an installation by debian-installer. */
export function planDebianInstaller(template: Template, folder: InstallerFolder): InstallerPlan {
  const { os } = template;
  const port = requirePort(template, folder);
  return {
    ...(os.install.type === 'iso'
      ? buildMediumSource(os.install, buildLayout(os.arch, folder))
      : findNetbootFiles(template, port)),
    commandLine: buildCommandLine(template, folder),
    scriptKind: 'preseed',
    scriptTransport: 'user_data',
    bootImageProperties: { ...folder.buses },
    imageProperties: buildLinuxProperties(os, folder.distro, folder.buses),
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}

/**
 * Finds kernel and ramdisk in a tree. `<url>` is the netboot folder; MANIFEST, udeb.list and SHA256SUMS are beside it,
 * in images/.
 */
function findNetbootFiles(template: Template, { kernels, ramdisks }: Port): InstallerSource {
  const url = getTreeUrl(template);
  const images = url.slice(0, url.lastIndexOf('/'));
  return buildTreeSource(
    kernels.map((path) => `${url}/${path}`),
    ramdisks.map((path) => `${url}/${path}`),
    [{ format: 'sha256sums', url: `${images}/SHA256SUMS`, prefix: `./${url.slice(images.length + 1)}/` }],
  );
}

/**
 * Returns the layout of a medium. Kernel and ramdisk are in `install.amd/` (or the architecture's) on Debian's media,
 * in `install/` on Ubuntu's, and at the root of the smallest medium (mini.iso).
 */
function buildLayout(arch: Arch, { distro }: InstallerFolder): IsoLayout {
  const short: Partial<Record<Arch, string>> = { x86_64: 'amd', i386: '386', aarch64: 'a64', ppc64le: 'ppc' };
  const own = short[arch];
  const folders = distro === 'debian' && own !== undefined ? [`install.${own}/`, 'install/'] : ['install/'];
  return {
    boots: {
      kernels: [...folders.flatMap((name) => [`${name}vmlinuz`, `${name}vmlinux`]), 'linux'],
      ramdisks: [
        ...folders.flatMap((name) => [`${name}initrd.gz`, `${name}netboot/${distro}-installer/initrd.gz`]),
        'initrd.gz',
      ],
    },
    script: { path: 'preseed.cfg', argument: 'file=/cdrom/preseed.cfg' },
  };
}

function requirePort({ os }: Template, folder: InstallerFolder): Port {
  const port = findPort(os.arch, folder);
  if (port !== undefined) return port;
  throw new FactoryError('UnsupportedOs', `${os.name} has no installer for ${os.arch}`, {
    hint: `the supported architectures are ${Object.keys(NAMES).join(', ')}`,
  });
}

/**
 * Builds the kernel command line. Words before the separator are for the installer; words after it are kept for the
 * installed system (the installation guide, "Using boot parameters to answer questions"). TDL's `kernelparam` is for
 * the installer, so it stands before the separator; a preseed file sets the parameters of the installed system
 * (debian-installer/add-kernel-opts).
 *
 * `auto=true` delays the questions until the network is up and the preseed file is loaded. The host name must be on the
 * command line, because the installer sets up the network before it reads the preseed file. The host name is the same
 * for all templates, so that they can share a JEOS. DEBIAN_FRONTEND=text keeps the console readable line by line.
 */
function buildCommandLine(template: Template, { separator, words = [] }: InstallerFolder): string {
  const console = serialConsole(template.os.arch);
  return joinCommandLine([
    'auto=true',
    'priority=critical',
    `url=${USER_DATA_URL}`,
    'hostname=jeos',
    'domain=local',
    'DEBIAN_FRONTEND=text',
    'netcfg/dhcp_timeout=60',
    ...words,
    `console=${console}`,
    template.os.kernelparam,
    separator,
    `console=${console}`,
  ]);
}
