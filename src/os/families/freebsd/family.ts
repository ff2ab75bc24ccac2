import type { Template } from '../../../tdl/types.js';
import { architectureProperty } from '../../common/architectures.js';
import { parseVersion } from '../../common/versions.js';
import { buildMediumSource, getIso, STRIPPED_PROPERTIES } from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';
import { ONLY_BY_ISO } from '../../installer/unsupported.js';
import type { OsFamily } from '../../profile/types.js';
import { FREEBSD_TOOLS } from './guest.js';

const MEDIUM = {
  installTypes: ['iso'],
  reason: ONLY_BY_ISO,
  scriptKind: 'installerconfig',
  tools: FREEBSD_TOOLS,
  verified: 'fake cloud',
} as const;

/** FreeBSD. Its installer, bsdinstall, runs /etc/installerconfig of the system that it was booted from. */
export const freebsd: OsFamily = {
  family: 'freebsd',
  title: 'FreeBSD',
  names: ['FreeBSD'],
  releases: [
    { ...MEDIUM, from: '10.0', to: '12.4', arches: ['x86_64', 'i386', 'aarch64'] },
    {
      ...MEDIUM,
      from: '13.0',
      to: '14.4',
      arches: ['x86_64', 'i386', 'aarch64', 'ppc64le'],
    },
    { ...MEDIUM, from: '15.0', to: '15.0', arches: ['x86_64', 'aarch64', 'ppc64le'] },
  ],
  oldSshUpTo: '10',
  versions: '10.0 to 15.0',
  readVersion: ({ version }) => parseVersion(version.replace(/-release$/i, '')),
  planInstaller: planFreebsdInstaller,
};

/**
 * Patterns of console lines with which the kernel and bsdinstall report a failure. An install script can print
 * IMAGEFACTORY-ERROR to report its own failure.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'Installation Error!',
  'bsdinstall.*(failed|aborted)',
  'An installation step has been aborted',
  'Mounting from .* failed with error',
  '(^|\\r)panic: ',
];

/**
 * The lines of boot/loader.conf on a FreeBSD medium, followed by our lines for the serial console.
 * https://man.freebsd.org/cgi/man.cgi?loader.conf
 */
const LOADER = [
  'vfs.mountroot.timeout="10"',
  'kernels_autodetect="NO"',
  'loader_brand="install"',
  'autoboot_delay="1"',
  'boot_multicons="YES"',
  'boot_serial="YES"',
  'console="comconsole,vidconsole"',
  'comconsole_speed="115200"',
];

/**
 * The script that replaces the medium's rc.local. The original asks a serial console for its terminal type, shows its
 * log in a pager that waits for keys, and reboots the machine from the medium when the install script does not power it
 * off.
 */
const RC_LOCAL = `export TERM=vt100
mkdir -p /tmp/bsdinstall_etc
echo
if bsdinstall script /etc/installerconfig; then
  poweroff
else
  tail -n 40 /tmp/bsdinstall_log
  echo 'IMAGEFACTORY-ERROR bsdinstall has failed'
fi
`;

/**
 * Builds the layout of a medium. The medium's own loader starts the kernel, so `kernelparam` goes to the loader's
 * configuration.
 */
function buildLayout(kernelparam = ''): IsoLayout {
  const words = kernelparam.split(/\s+/).filter((word) => word !== '');
  const variables = words.map((word) => {
    const [name = '', ...value] = word.split('=');
    return `${name}="${value.length === 0 ? 'YES' : value.join('=').replaceAll('"', '')}"`;
  });
  const text = [...LOADER, ...variables, ''].join('\n');
  return {
    script: { path: 'etc/installerconfig' },
    files: [
      { path: 'boot/loader.conf', text },
      { path: 'etc/rc.local', text: RC_LOCAL },
    ],
  };
}

function planFreebsdInstaller(template: Template): InstallerPlan {
  const { os } = template;
  return {
    ...buildMediumSource(getIso(template), buildLayout(os.kernelparam)),
    // FreeBSD's kernel has no command line: the loader's configuration replaces it.
    commandLine: '',
    scriptKind: 'installerconfig',
    scriptTransport: 'medium',
    bootImageProperties: {},
    imageProperties: {
      os_distro: 'freebsd',
      os_version: os.version.replace(/-release$/i, ''),
      architecture: architectureProperty(os.arch),
    },
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}
