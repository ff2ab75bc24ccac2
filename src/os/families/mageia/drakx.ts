import type { Template } from '../../../tdl/types.js';
import { serialConsole } from '../../common/architectures.js';
import { joinCommandLine, buildMediumSource, getIso, buildLinuxProperties, STRIPPED_PROPERTIES } from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';
import { ONLY_BY_ISO } from '../../installer/unsupported.js';
import type { Release } from '../../profile/types.js';
import { URPMI } from './guest.js';

/** What all releases have in common that DrakX installs: it takes a file of its medium for its answers, never an address. */
export const DRAKX_RELEASE = {
  installTypes: ['iso'],
  reason: ONLY_BY_ISO,
  scriptKind: 'auto_inst',
  tools: URPMI,
  verified: 'fake cloud',
} as const satisfies Partial<Release>;

/** What DrakX prints when it cannot go on. An install script may say IMAGEFACTORY-ERROR itself. */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'An error occurred',
  'installation failed',
  'install exited abnormally',
  'No CDROM or DVD device found',
  'Kernel panic - not syncing',
];

/** Where the releases of DrakX differ. */
export interface DrakxOptions {
  layout: IsoLayout;
  /** Words of the command line, from which it knows its medium and its script. */
  words: string[];
  /** osinfo's name of the distribution. */
  distro: string;
  /** Properties of machines that it has drivers for. Default: virtio, as the cloud has it. */
  buses?: Record<string, string>;
}

/** How DrakX is started. */
export function planDrakxInstaller(template: Template, { layout, words, distro, buses }: DrakxOptions): InstallerPlan {
  const { os } = template;
  return {
    ...buildMediumSource(getIso(template), layout),
    commandLine: joinCommandLine([...words, 'text', `console=${serialConsole(os.arch)}`, os.kernelparam]),
    scriptKind: 'auto_inst',
    scriptTransport: 'medium',
    bootImageProperties: { ...buses },
    imageProperties: buildLinuxProperties(os, distro, buses),
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}
