import { FactoryError } from '../../../domain/errors.js';
import type { Template } from '../../../tdl/types.js';
import { type Arch, serialConsole } from '../../common/architectures.js';
import { USER_DATA_URL } from '../../common/user-data.js';
import { isFrom, parseVersion, type Version } from '../../common/versions.js';
import {
  joinCommandLine,
  buildMediumSource,
  buildTreeSource,
  type InstallerSource,
  buildLinuxProperties,
  STRIPPED_PROPERTIES,
  getTreeUrl,
  VOLUME_ID,
} from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';
import { NO_VIRTIO, WITHOUT_VIRTIO } from '../../installer/virtio.js';
import type { OsFamily, OsName } from '../../profile/types.js';
import { ZYPPER_TOOLS } from './guest.js';

const ZYPPER = { installTypes: ['url', 'iso'], tools: ZYPPER_TOOLS, verified: 'fake cloud' } as const;
const AUTOYAST = { ...ZYPPER, scriptKind: 'autoyast' } as const;
const AGAMA = {
  ...ZYPPER,
  scriptKind: 'agama',
  note: 'the tree is the unpacked medium: Agama’s live system (LiveOS/squashfs.img) is fetched from it',
} as const;
const PC: Arch[] = ['x86_64', 'i386'];
const SERVERS: Arch[] = ['x86_64', 'aarch64', 'ppc64le', 's390x'];

/**
 * openSUSE's version numbers went from 13.2 to 42.1 and then to 15. Leap 42 counts as 14, so that the versions are in
 * order.
 */
const LEAP_42 = 42;

export const opensuse: OsFamily = {
  family: 'opensuse',
  title: 'openSUSE and openSUSE Leap',
  names: ['OpenSUSE', 'Leap', 'openSUSE-Leap', 'openSUSELeap'],
  releases: [
    { ...AUTOYAST, from: '10.3', to: '10.3', arches: PC, note: NO_VIRTIO },
    { ...AUTOYAST, from: '11.0', to: '11.4', arches: PC },
    { ...AUTOYAST, from: '12.1', to: '12.3', arches: PC },
    { ...AUTOYAST, from: '13.1', to: '13.2', arches: PC },
    { ...AUTOYAST, from: '42.1', to: '42.3', arches: ['x86_64', 'aarch64'] },
    { ...AUTOYAST, from: '15.0', to: '15.6', arches: SERVERS },
    { ...AGAMA, from: '16.0', to: '16.0', arches: SERVERS },
  ],
  oldSshUpTo: '13.1',
  usualMemoryFrom: '12',
  versions: '10.3 to 13.2, 42.1 to 42.3, 15.0 to 16.0',
  readVersion: ({ version }) => {
    const [major, ...rest] = parseVersion(version) ?? [];
    if (major === undefined) return undefined;
    return [major === LEAP_42 ? 14 : major, ...rest];
  },
  planInstaller: (template, version) =>
    isFrom(version, '16')
      ? planAgamaInstaller(template, 'opensuse')
      : planYastInstaller(template, 'opensuse', isFrom(version, '11')),
};

export const tumbleweed: OsFamily = {
  family: 'tumbleweed',
  title: 'openSUSE Tumbleweed',
  names: ['Tumbleweed', 'openSUSE-Tumbleweed', 'openSUSETumbleweed'],
  releases: [{ ...AUTOYAST, from: '0', to: '9999', arches: [...SERVERS, 'i386', 'armv7l'] }],
  versions: 'any: it has no versions',
  readVersion: () => [0],
  planInstaller: (template) => planYastInstaller(template, 'opensuse', true),
};

export const sles: OsFamily = {
  family: 'sles',
  numberedNames: true,
  title: 'SUSE Linux Enterprise Server',
  names: ['SLES', 'SLE', 'SUSELinuxEnterpriseServer', 'SUSELinuxEnterprise'],
  releases: [
    { ...AUTOYAST, from: '12', to: '12.5', arches: SERVERS },
    {
      ...AUTOYAST,
      from: '15',
      to: '15.7',
      arches: SERVERS,
      note: 'the stock script takes the modules of the medium with all packages (“Full”), or of its unpacked tree',
    },
    {
      ...AGAMA,
      from: '16',
      to: '16.0',
      arches: SERVERS,
      note: `${AGAMA.note}, and the packages from its folder install, if kernelparam does not say inst.install_url or inst.register_url`,
    },
  ],
  oldSshUpTo: '11.4',
  versions: '12 to 12-SP5, 15 to 15-SP7, 16.0; or SLES-15 with the service pack as version (GOLD, SP6 or 6)',
  readVersion: parseSlesVersion,
  planInstaller: (template, version) =>
    isFrom(version, '16')
      ? planAgamaInstaller(template, 'sles', version)
      : planYastInstaller(template, 'sles', true, version),
};

function parseSlesVersion({ name, version }: OsName): Version | undefined {
  const named = /-(\d{2})$/.exec(name)?.[1];
  const pack = /^(?:GOLD|GA|(?:SP)?(\d{1,2}))$/i.exec(version);
  if (named !== undefined && pack !== null) return [Number(named), Number(pack[1] ?? 0)];
  const match = /^(\d{2})(?:(?:\.|[-_ ]?SP)(\d{1,2}))?$/i.exec(version);
  if (match === null || (named !== undefined && match[1] !== named)) return undefined;
  return [Number(match[1]), Number(match[2] ?? 0)];
}

interface Port {
  /** Paths of kernel and ramdisk, best first. */
  kernels: string[];
  ramdisks: string[];
}

function findPort({ os }: Template): Port {
  const { arch } = os;
  const folder = `boot/${arch === 'armv7l' ? 'armv7hl' : arch}`;
  const pc = { kernels: [`${folder}/loader/linux`], ramdisks: [`${folder}/loader/initrd`] };
  const i586 = {
    kernels: [...pc.kernels, 'boot/i586/loader/linux'],
    ramdisks: [...pc.ramdisks, 'boot/i586/loader/initrd'],
  };
  // Before Agama, only media for PCs have the folder `loader`.
  const other = { kernels: [`${folder}/linux`, ...pc.kernels], ramdisks: [`${folder}/initrd`, ...pc.ramdisks] };
  switch (arch) {
    case 'i386':
      return i586;
    case 'x86_64':
      return pc;
    case 'aarch64':
    case 'armv7l':
    case 'ppc64le':
    case 's390x':
      return other;
    default:
      throw new FactoryError('UnsupportedOs', `${os.name} has no installer for ${arch}`);
  }
}

/**
 * Patterns of console lines with which linuxrc, YaST and Agama report a failure. An install script can print
 * IMAGEFACTORY-ERROR to report its own failure.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'Could not find the .* (Repository|Installer|CD)',
  'No repository found',
  'Sorry, an error occurred',
  'Error reading (the )?(control|AutoYaST) file',
  'Installation aborted|YaST got signal',
  'The autoinstallation was not successful',
  'agama-autoinstall.service: (Failed|Main process exited, code=exited, status=[1-9])',
  'Entering emergency mode',
  'Kernel panic - not syncing',
];

/** The differences between YaST and Agama. */
interface Boot {
  scriptKind: 'autoyast' | 'agama';
  commandLine: string;
  /** Path of the script on the medium, and the word of the command line that names it. */
  onMedium: NonNullable<IsoLayout['script']>;
}

function buildPlan(
  template: Template,
  distro: string,
  { scriptKind, commandLine, onMedium }: Boot,
  virtio: boolean,
  version?: Version,
): InstallerPlan {
  const { os } = template;
  const { kernels, ramdisks } = findPort(template);
  const layout: IsoLayout = { boots: { kernels, ramdisks }, script: onMedium };
  const buses: Record<string, string> = virtio ? {} : WITHOUT_VIRTIO;
  return {
    ...(os.install.type === 'iso' ? buildMediumSource(os.install, layout) : findUnpackedFiles(template)),
    commandLine,
    scriptKind,
    scriptTransport: 'user_data',
    bootImageProperties: { ...buses },
    imageProperties: buildLinuxProperties({ ...os, version: version?.join('.') ?? os.version }, distro, buses),
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}

/**
 * Finds kernel and ramdisk in a tree. The tree is a medium unpacked on a server. Its root has a list of digests:
 * `CHECKSUMS` since Leap 15, `content` before.
 */
function findUnpackedFiles(template: Template): InstallerSource {
  const url = getTreeUrl(template);
  const { kernels, ramdisks } = findPort(template);
  return buildTreeSource(
    kernels.map((path) => `${url}/${path}`),
    ramdisks.map((path) => `${url}/${path}`),
    [
      { format: 'sha256sums', url: `${url}/CHECKSUMS`, prefix: '' },
      { format: 'content', url: `${url}/content` },
    ],
  );
}

function isFromMedium({ os }: Template): boolean {
  return os.install.type === 'iso';
}

/**
 * Plans an installation by YaST. linuxrc reads the tree, the profile and the network from the command line. textmode
 * keeps the console readable. https://en.opensuse.org/SDB:Linuxrc
 */
function planYastInstaller(template: Template, distro: string, virtio: boolean, version?: Version): InstallerPlan {
  const commandLine = joinCommandLine([
    `install=${isFromMedium(template) ? 'cd:/' : getTreeUrl(template)}`,
    `autoyast=${USER_DATA_URL}`,
    'netsetup=dhcp',
    'textmode=1',
    'splash=silent',
    `console=${serialConsole(template.os.arch)}`,
    template.os.kernelparam,
  ]);
  const onMedium = { path: 'autoinst.xml', argument: 'autoyast=cd:/autoinst.xml' };
  return buildPlan(template, distro, { scriptKind: 'autoyast', commandLine, onMedium }, virtio, version);
}

/**
 * Returns the words that tell Agama where SLES's packages are when SLES is installed from a tree: in the folder
 * `install` of the unpacked medium with all packages. Without these words, Agama fetches packages from SUSE's servers,
 * which need a registration; openSUSE's servers need none.
 */
function buildRepositoryWords(template: Template, distro: string): string[] {
  const isTold = /\binst\.(install_url|register_url)=/.test(template.os.kernelparam ?? '');
  return distro === 'sles' && !isFromMedium(template) && !isTold
    ? [`inst.install_url=${getTreeUrl(template)}/install`]
    : [];
}

/**
 * Plans an installation by Agama. Agama is a live system, which dracut fetches from the tree or finds on the medium by
 * the medium's volume id. The profile may be Agama's own (JSON or Jsonnet) or AutoYaST's. The command line says how the
 * installation ends, because a profile cannot. https://agama-project.github.io/docs/user/boot_options
 */
function planAgamaInstaller(template: Template, distro: string, version?: Version): InstallerPlan {
  const live = isFromMedium(template) ? `CDLABEL=${VOLUME_ID}` : `${getTreeUrl(template)}/LiveOS/squashfs.img`;
  const commandLine = joinCommandLine([
    `root=live:${live}`,
    'ip=dhcp',
    'rd.neednet=1',
    `inst.auto=${USER_DATA_URL}`,
    'inst.finish=poweroff',
    ...buildRepositoryWords(template, distro),
    `console=${serialConsole(template.os.arch)}`,
    template.os.kernelparam,
  ]);
  const onMedium = { path: 'autoinst.json', argument: `inst.auto=label://${VOLUME_ID}/autoinst.json` };
  return buildPlan(template, distro, { scriptKind: 'agama', commandLine, onMedium }, true, version);
}
