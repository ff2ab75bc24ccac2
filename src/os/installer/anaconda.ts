import type { Template } from '../../tdl/types.js';
import { type Arch, serialConsole } from '../common/architectures.js';
import { USER_DATA_URL } from '../common/user-data.js';
import {
  joinCommandLine,
  buildMediumSource,
  buildTreeSource,
  type InstallerSource,
  buildLinuxProperties,
  STRIPPED_PROPERTIES,
  getTreeUrl,
} from './installer-plan.js';
import type { InstallerPlan, IsoLayout } from './types.js';
import { WITHOUT_VIRTIO } from './virtio.js';

interface Port {
  /** The architecture's name in `.treeinfo`. */
  name: string;
  kernel: string;
  ramdisk: string;
}

const PXEBOOT = { kernel: 'images/pxeboot/vmlinuz', ramdisk: 'images/pxeboot/initrd.img' };
const POWER = { kernel: 'ppc/ppc64/vmlinuz', ramdisk: 'ppc/ppc64/initrd.img' };

/** Paths of kernel and ramdisk in anaconda's install trees, for trees without a `.treeinfo`. */
const PORTS: Record<Arch, Port> = {
  x86_64: { name: 'x86_64', ...PXEBOOT },
  i386: { name: 'i386', ...PXEBOOT },
  aarch64: { name: 'aarch64', ...PXEBOOT },
  armv7l: { name: 'armhfp', ...PXEBOOT },
  ppc64: { name: 'ppc64', ...POWER },
  ppc64le: { name: 'ppc64le', ...POWER },
  s390x: { name: 's390x', kernel: 'images/kernel.img', ramdisk: 'images/initrd.img' },
};

/**
 * Patterns of console lines with which anaconda and dracut report a failure. An install script can print
 * IMAGEFACTORY-ERROR to report its own failure.
 */
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

/** The differences between releases of anaconda. */
export interface AnacondaOptions {
  /**
   * `dracut`: anaconda runs in dracut's initramfs since Fedora 17 and RHEL 7, and its options begin with `inst.`.
   * `loader`: the older program, which supports only options without this prefix.
   */
  era: 'loader' | 'dracut';
  /** The option of `loader` that names the install tree: `method`, or `repo` (RHEL 6). Default: `method`. */
  tree?: 'method' | 'repo';
  /**
   * The network card that `loader` uses. `link`: the card that has a link. `eth0`: the first card, for releases before
   * RHEL 5, because they have no option for the link. Default: `link`.
   */
  card?: 'link' | 'eth0';
  /** Whether the installer and the system have virtio drivers. */
  virtio: boolean;
  /** The image properties os_distro (`distro`) and os_version (`version`). */
  distro: string;
  version: string;
}

/** Plans an installation by anaconda. */
export function planAnacondaInstaller(template: Template, options: AnacondaOptions): InstallerPlan {
  const { os } = template;
  const port = PORTS[os.arch];
  const fromIso = os.install.type === 'iso';
  const repo = fromIso ? 'cdrom' : getTreeUrl(template);
  const buses: Record<string, string> = options.virtio ? {} : WITHOUT_VIRTIO;
  return {
    ...(os.install.type === 'iso'
      ? buildMediumSource(os.install, buildLayout(port, options))
      : findPxebootFiles(getTreeUrl(template), port)),
    commandLine: joinCommandLine([
      ...(options.era === 'dracut'
        ? [`inst.ks=${USER_DATA_URL}`, `inst.repo=${repo}`, 'inst.text']
        : [
            `ks=${USER_DATA_URL}`,
            `${fromIso ? 'method' : (options.tree ?? 'method')}=${repo}`,
            'text',
            `ksdevice=${options.card ?? 'link'}`,
          ]),
      // The installer uses the last console: the serial one, whose output Nova keeps.
      'console=tty0',
      `console=${serialConsole(template.os.arch)}`,
      os.kernelparam,
    ]),
    scriptKind: 'kickstart',
    scriptTransport: 'user_data',
    bootImageProperties: { ...buses },
    imageProperties: buildLinuxProperties({ ...os, version: options.version }, options.distro, buses),
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}

function findPxebootFiles(url: string, { name, kernel, ramdisk }: Port): InstallerSource {
  const index = { format: 'treeinfo', url: `${url}/.treeinfo`, section: `images-${name}` } as const;
  return buildTreeSource([`${url}/${kernel}`], [`${url}/${ramdisk}`], [index]);
}

/**
 * Returns the layout of a medium. Media for PCs have copies of kernel and ramdisk for their boot loader (isolinux);
 * other media have them at the same paths as an install tree.
 */
function buildLayout({ kernel, ramdisk }: Port, { era }: AnacondaOptions): IsoLayout {
  return {
    boots: { kernels: ['isolinux/vmlinuz', kernel], ramdisks: ['isolinux/initrd.img', ramdisk] },
    script: { path: 'ks.cfg', argument: `${era === 'dracut' ? 'inst.ks' : 'ks'}=cdrom:/ks.cfg` },
  };
}
