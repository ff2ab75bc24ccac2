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

/** Where anaconda's install trees have kernel and ramdisk when no `.treeinfo` says so. */
const PORTS: Record<Arch, Port> = {
  x86_64: { name: 'x86_64', ...PXEBOOT },
  i386: { name: 'i386', ...PXEBOOT },
  aarch64: { name: 'aarch64', ...PXEBOOT },
  armv7l: { name: 'armhfp', ...PXEBOOT },
  ppc64: { name: 'ppc64', ...POWER },
  ppc64le: { name: 'ppc64le', ...POWER },
  s390x: { name: 's390x', kernel: 'images/kernel.img', ramdisk: 'images/initrd.img' },
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

/** How one release's anaconda is told what to do. */
export interface AnacondaOptions {
  /**
   * `dracut`: it has lived in dracut's initramfs since Fedora 17 and RHEL 7, and its options begin with `inst.`. `loader`: the program
   * before it, which knows the bare names only.
   */
  era: 'loader' | 'dracut';
  /** What the loader calls the tree: `method`, or `repo` as well (RHEL 6). */
  tree?: 'method' | 'repo';
  /** Which network card the loader takes: the one with a link, which releases before RHEL 5 cannot say, or the first one. */
  card?: 'link' | 'eth0';
  /** Whether installer and system have virtio. */
  virtio: boolean;
  /** os_distro and os_version of the image. */
  distro: string;
  version: string;
}

/** The installer of a template whose system is installed by anaconda. */
export function planAnacondaInstaller(template: Template, options: AnacondaOptions): InstallerPlan {
  const { os } = template;
  const port = PORTS[os.arch];
  const fromIso = os.install.type === 'iso';
  const repo = fromIso ? 'cdrom' : getTreeUrl(template);
  const buses: Record<string, string> = options.virtio ? {} : WITHOUT_VIRTIO;
  return {
    ...(os.install.type === 'iso' ? buildMediumSource(os.install, buildLayout(port, options)) : findPxebootFiles(getTreeUrl(template), port)),
    commandLine: joinCommandLine([
      ...(options.era === 'dracut'
        ? [`inst.ks=${USER_DATA_URL}`, `inst.repo=${repo}`, 'inst.text']
        : [
            `ks=${USER_DATA_URL}`,
            `${fromIso ? 'method' : (options.tree ?? 'method')}=${repo}`,
            'text',
            `ksdevice=${options.card ?? 'link'}`,
          ]),
      // The last console is the one that the installer talks to: the serial one, which Nova keeps.
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

/** The medium: the boot loader's own copies of kernel and ramdisk on PCs, those of the tree elsewhere. */
function buildLayout({ kernel, ramdisk }: Port, { era }: AnacondaOptions): IsoLayout {
  return {
    boots: { kernels: ['isolinux/vmlinuz', kernel], ramdisks: ['isolinux/initrd.img', ramdisk] },
    script: { path: 'ks.cfg', argument: `${era === 'dracut' ? 'inst.ks' : 'ks'}=cdrom:/ks.cfg` },
  };
}
