import { FactoryError } from '../../../domain/errors.js';
import type { Template } from '../../../tdl/types.js';
import { architectureProperty } from '../../common/architectures.js';
import type { Version } from '../../common/versions.js';
import {
  WINDOWS_VERSIONS,
  findWindowsVersion,
  type WindowsVersion,
  parseWindowsVersion,
} from '../../common/windows-versions.js';
import { NO_TOOLS } from '../../guest/no-package-manager.js';
import { buildMediumSource, getIso, STRIPPED_PROPERTIES } from '../../installer/installer-plan.js';
import type { InstallerPlan, IsoLayout } from '../../installer/types.js';
import { ONLY_BY_ISO } from '../../installer/unsupported.js';
import type { OsFamily, Release } from '../../profile/types.js';
import { WINDOWS_TOOLS } from './guest.js';

const REFUSED = { installTypes: [], verified: 'not yet', scriptKind: 'autounattend', tools: NO_TOOLS } as const;

function writeNote({ hasSsh, modern }: WindowsVersion): string {
  const notes = [
    ...(hasSsh
      ? []
      : ['<extras> must contain OpenSSH for Windows, as OpenSSH-Win64….msi (OpenSSH-Win32….msi for i386)']),
    ...(modern ? ['its machines are of type q35'] : []),
  ];
  return notes.join('; ');
}

function buildRelease(version: WindowsVersion): Release {
  const note = writeNote(version);
  return {
    from: version.name,
    to: version.name,
    arches: version.arches,
    installTypes: ['iso'],
    reason: ONLY_BY_ISO,
    scriptKind: 'autounattend',
    tools: WINDOWS_TOOLS,
    verified: 'fake cloud',
    ...(note === '' ? {} : { note }),
  };
}

/**
 * Windows. Its setup looks for autounattend.xml at the root of every removable drive, and for drivers in the folders
 * that autounattend.xml names.
 * https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-automation-overview
 */
export const windows: OsFamily = {
  family: 'windows',
  title: 'Windows',
  names: ['Windows', 'WindowsServer', 'Win'],
  releases: [
    {
      ...REFUSED,
      from: '2000',
      to: '2003',
      arches: ['x86_64', 'i386'],
      reason: 'its setup reads winnt.sif from a floppy disk, which Nova’s machines do not have',
    },
    {
      ...REFUSED,
      from: '2008',
      to: '2008',
      arches: ['x86_64', 'i386'],
      reason: 'it has no PowerShell of its own, which builds need to customise Windows',
    },
    ...WINDOWS_VERSIONS.map(buildRelease),
  ],
  versions: '7, 8, 8.1, 10, 11, 2008R2, 2012, 2012R2, 2016, 2019, 2022 or 2025',
  readVersion: ({ version }) => parseWindowsVersion(version),
  planInstaller: planWindowsInstaller,
};

/** Windows' media are in UDF, which we cannot write, so the script and the extras are on a second, small medium. */
const LAYOUT: IsoLayout = { script: { path: 'autounattend.xml', beside: 'IMGFACTORY' } };

/**
 * Patterns of console lines that report a failure: those of a stock script, and UEFI's line when nothing could be
 * booted.
 */
const FAILURES = ['(^|\\r)IMAGEFACTORY-ERROR', 'BdsDxe: No bootable option or device was found'];

function planWindowsInstaller(template: Template, version: Version): InstallerPlan {
  const { os } = template;
  if (os.kernelparam !== undefined && os.kernelparam.trim() !== '') {
    throw new FactoryError(
      'InvalidTemplate',
      '<kernelparam> is not allowed for Windows: Windows Setup takes no kernel parameters',
      {
        hint: 'leave <kernelparam> out',
      },
    );
  }
  const { osinfo, modern } = findWindowsVersion(version, os.version);
  return {
    ...buildMediumSource(getIso(template), LAYOUT),
    commandLine: '',
    scriptKind: 'autounattend',
    scriptTransport: 'medium',
    bootImageProperties: {},
    imageProperties: {
      // For this type, Nova sets the machine's clock to local time and enables Hyper-V's enlightenments.
      os_type: 'windows',
      os_distro: 'windows',
      os_version: osinfo,
      architecture: architectureProperty(os.arch),
      ...(modern ? { hw_machine_type: 'q35' } : {}),
    },
    lacksVirtio: true,
    strippedProperties: [...STRIPPED_PROPERTIES],
    failurePatterns: [...FAILURES],
  };
}
