import type { Template } from '../tdl/types.js';
import { architectureProperty, commandLineOf, fromMedium, isoOf, STRIPPED } from './installer.js';
import { URPMI } from './mageia-guest.js';
import { ONLY_BY_ISO } from './reasons.js';
import type { InstallerPlan, IsoLayout, OsFamily } from './types.js';
import { numbersOf } from './versions.js';

const MEDIUM = {
  installTypes: ['iso'],
  reason: ONLY_BY_ISO,
  scriptKind: 'auto_inst',
  tools: URPMI,
  tried: 'fake cloud',
} as const;

/** DrakX takes a file of its medium for its answers, never an address. */
export const mageia: OsFamily = {
  family: 'mageia',
  title: 'Mageia',
  names: ['Mageia'],
  releases: [
    { ...MEDIUM, from: '2', to: '6', arches: ['x86_64', 'i386'] },
    { ...MEDIUM, from: '7', to: '9', arches: ['x86_64', 'i386', 'aarch64', 'armv7l'] },
  ],
  versions: '2 to 9',
  versionOf: ({ version }) => (/^\d{1,2}(\.\d)?$/.test(version) ? numbersOf(version) : undefined),
  installer,
};

/** What DrakX prints when it cannot go on. An install script may say IMAGEFACTORY-ERROR itself. */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'An error occurred',
  'installation failed',
  'install exited abnormally',
  'No CDROM or DVD device found',
  'Kernel panic - not syncing',
];

const SCRIPT = 'install/auto_inst.cfg.pl';

function layoutOf({ os }: Template): IsoLayout {
  const folders = ['isolinux/x86_64', 'isolinux/i586', 'isolinux', `boot/${os.arch}`];
  return {
    boots: {
      kernels: folders.map((folder) => `${folder}/vmlinuz`),
      ramdisks: folders.map((folder) => `${folder}/all.rdz`),
    },
    script: { path: SCRIPT },
  };
}

function installer(template: Template): InstallerPlan {
  const { os } = template;
  const console = os.arch === 'x86_64' || os.arch === 'i386' ? 'ttyS0,115200n8' : 'ttyAMA0';
  return {
    ...fromMedium(isoOf(template), layoutOf(template)),
    commandLine: commandLineOf([
      'automatic=method:cdrom',
      `kickstart=${SCRIPT}`,
      'text',
      `console=${console}`,
      os.kernelparam,
    ]),
    scriptKind: 'auto_inst',
    scriptTransport: 'medium',
    bootImageProperties: {},
    imageProperties: {
      os_type: 'linux',
      os_distro: 'mageia',
      os_version: os.version,
      architecture: architectureProperty(os.arch),
    },
    strippedProperties: [...STRIPPED],
    failurePatterns: [...FAILURES],
  };
}
