import { FactoryError } from '../build/errors.js';
import { NO_TOOLS } from './no-guest.js';
import type { OsFamily, Version } from './types.js';

const NOT_YET = 'its guests cannot be customised: they have no POSIX shell';

const WINDOWS = {
  installTypes: [],
  reason: NOT_YET,
  tried: 'not yet',
  scriptKind: 'autounattend',
  tools: NO_TOOLS,
} as const;

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
  installer: ({ os }) => {
    throw new FactoryError('UnsupportedOs', `${os.name} ${os.version} cannot be built yet: ${NOT_YET}`);
  },
};
