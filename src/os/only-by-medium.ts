import { FactoryError } from '../build/errors.js';
import type { Template } from '../tdl/types.js';
import { commandLineOf } from './installer.js';
import { FREEBSD_TOOLS } from './freebsd-guest.js';
import { NO_TOOLS } from './no-guest.js';
import { URPMI } from './mageia-guest.js';
import { ONLY_BY_ISO } from './reasons.js';
import type { InstallerPlan, OsFamily, Version } from './types.js';
import { numbersOf } from './versions.js';

/*
 * Systems whose installers read their script from the medium and from nowhere else. What is known of them is here; none can be
 * installed before media can be booted.
 */
const MEDIUM = { installTypes: [], reason: ONLY_BY_ISO, tried: 'not yet' } as const;

function refuse({ os }: Template): never {
  throw new FactoryError('UnsupportedOs', `${os.name} ${os.version} cannot be installed yet: ${ONLY_BY_ISO}`, {
    hint: 'docs/operating-systems.md says what can be built',
  });
}

const installer = (template: Template): InstallerPlan => refuse(template);

/** DrakX takes a file of the tree or of the ramdisk for its answers, never an address. */
export const mageia: OsFamily = {
  family: 'mageia',
  title: 'Mageia',
  names: ['Mageia'],
  releases: [
    { ...MEDIUM, from: '2', to: '6', arches: ['x86_64', 'i386'], scriptKind: 'auto_inst', tools: URPMI },
    {
      ...MEDIUM,
      from: '7',
      to: '9',
      arches: ['x86_64', 'i386', 'aarch64', 'armv7l'],
      scriptKind: 'auto_inst',
      tools: URPMI,
    },
  ],
  versions: '2 to 9',
  versionOf: ({ version }) => (/^\d{1,2}(\.\d)?$/.test(version) ? numbersOf(version) : undefined),
  installer,
  iso: (template) => ({
    kernels: [
      'isolinux/x86_64/vmlinuz',
      'isolinux/i586/vmlinuz',
      'isolinux/vmlinuz',
      `boot/${template.os.arch}/vmlinuz`,
    ],
    ramdisks: [
      'isolinux/x86_64/all.rdz',
      'isolinux/i586/all.rdz',
      'isolinux/all.rdz',
      `boot/${template.os.arch}/all.rdz`,
    ],
    commandLine: commandLineOf(['automatic=method:cdrom', 'text', 'console=ttyS0,115200n8', template.os.kernelparam]),
    scriptPath: 'install/auto_inst.cfg.pl',
    scriptArgument: 'kickstart=install/auto_inst.cfg.pl',
  }),
};

/** bsdinstall runs /etc/installerconfig of the system that it was booted from. */
export const freebsd: OsFamily = {
  family: 'freebsd',
  title: 'FreeBSD',
  names: ['FreeBSD'],
  releases: [
    {
      ...MEDIUM,
      from: '10.0',
      to: '12.4',
      arches: ['x86_64', 'i386', 'aarch64'],
      scriptKind: 'installerconfig',
      tools: FREEBSD_TOOLS,
    },
    {
      ...MEDIUM,
      from: '13.0',
      to: '15.0',
      arches: ['x86_64', 'i386', 'aarch64', 'armv7l', 'ppc64le'],
      scriptKind: 'installerconfig',
      tools: FREEBSD_TOOLS,
    },
  ],
  versions: '10.0 to 15.0',
  versionOf: ({ version }) => numbersOf(version.replace(/-release$/i, '')),
  installer,
  // No other program can start its kernel; the console is chosen in boot/loader.conf.
  iso: () => ({ commandLine: '', scriptPath: 'etc/installerconfig' }),
};

const WINDOWS = { ...MEDIUM, scriptKind: 'autounattend', tools: NO_TOOLS } as const;

/** Windows' versions in the order in which they came. Its names are not numbers: 2012 came after 8. */
const WINDOWS_VERSIONS = [
  '2000', 'XP', '2003', '2008', '7', '2008R2', '8', '2012', '8.1', '2012R2', '10', '2016', '2019', '2022', '11', '2025',
]; // prettier-ignore

/** Windows Setup looks for autounattend.xml at the root of every medium, and for virtio drivers where the file says. */
export const windows: OsFamily = {
  family: 'windows',
  title: 'Windows',
  names: ['Windows', 'WindowsServer', 'Win'],
  releases: [
    {
      ...WINDOWS,
      from: '2000',
      to: '2003',
      arches: ['x86_64', 'i386'],
      reason: 'its setup reads winnt.sif from a floppy disk, which Nova’s machines do not have',
    },
    {
      ...WINDOWS,
      from: '2008',
      to: '10',
      arches: ['x86_64', 'i386'],
      note: 'needs <key> in its template and the virtio drivers’ ISO',
    },
    {
      ...WINDOWS,
      from: '2016',
      to: '2025',
      arches: ['x86_64', 'aarch64'],
      note: 'needs <key> in its template and the virtio drivers’ ISO',
    },
  ],
  versions: '7, 8, 8.1, 10, 11, 2008R2, 2012, 2012R2, 2016, 2019, 2022 or 2025',
  versionOf: ({ version }): Version | undefined => {
    const written = version.replace(/[\s_-]+/g, '').toLowerCase();
    const place = WINDOWS_VERSIONS.findIndex((known) => known.toLowerCase() === written);
    if (place >= 0) return [place];
    return /^(20[3-9]\d|1[2-9])$/.test(written) ? [Infinity] : undefined;
  },
  installer,
  iso: () => ({ commandLine: '', scriptPath: 'autounattend.xml' }),
};
