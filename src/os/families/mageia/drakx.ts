import type { Template } from '../../../tdl/types.js';
import { serialConsole } from '../../common/architectures.js';
import {
  joinCommandLine,
  buildMediumSource,
  getIso,
  buildLinuxProperties,
  STRIPPED_PROPERTIES,
} from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';
import { ONLY_BY_ISO } from '../../installer/unsupported.js';
import type { Release } from '../../profile/types.js';
import { URPMI } from './guest.js';

/**
 * The members that all releases with DrakX have in common. DrakX reads its answers from a file on its medium, never
 * from a URL.
 */
export const DRAKX_RELEASE = {
  installTypes: ['iso'],
  reason: ONLY_BY_ISO,
  scriptKind: 'auto_inst',
  tools: URPMI,
  verified: 'fake cloud',
} as const satisfies Partial<Release>;

/**
 * Patterns of console lines with which DrakX reports a failure. An install script can print IMAGEFACTORY-ERROR to
 * report its own failure.
 */
const FAILURES = [
  '(^|\\r)IMAGEFACTORY-ERROR',
  'An error occurred',
  'installation failed',
  'install exited abnormally',
  'No CDROM or DVD device found',
  'Kernel panic - not syncing',
];

/** The differences between releases of DrakX. */
export interface DrakxOptions {
  layout: IsoLayout;
  /** Words of the command line that name the medium and the script. */
  words: string[];
  /** The distribution's name in libosinfo. */
  distro: string;
  /**
   * Image properties for devices that the release has drivers for. Default: the cloud's own devices, usually virtio.
   */
  buses?: Record<string, string>;
}

/** Plans an installation by DrakX. */
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
