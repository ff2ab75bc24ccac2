import type { Arch } from './architectures.js';
import type { Version } from './versions.js';

/** A version of Windows. */
export interface WindowsVersion {
  /** Its name in templates. */
  name: string;
  /**
   * The name of its folder inside each driver's folder on the virtio-win medium:
   * https://github.com/virtio-win/virtio-win-pkg-scripts.
   */
  drivers: string;
  /** Its short id in libosinfo's list: https://gitlab.com/libosinfo/osinfo-db */
  osinfo: string;
  arches: readonly Arch[];
  /** Whether it is a server, whose account policy requires passwords of a certain length and variety. */
  server: boolean;
  /** Whether it has OpenSSH, or can fetch it from Windows Update: since Windows 10 1809 and Windows Server 2019. */
  hasSsh: boolean;
  /** Whether it expects a modern machine (PCI Express, a TPM). */
  modern: boolean;
}

/** All versions in the order of their release, because their names are not in numeric order: 2012 came after 8. */
const NAMES = [
  '2000', 'XP', '2003', '2008', '7', '2008R2', '8', '2012', '8.1', '2012R2', '10', '2016', '2019', '2022', '11', '2025',
]; // prettier-ignore

const PC = ['x86_64', 'i386'] as const;
const PC64 = ['x86_64'] as const;
const CLIENT = { arches: PC, server: false, hasSsh: false, modern: false } as const;
const SERVER = { arches: PC64, server: true, hasSsh: false, modern: false } as const;

/** The versions that can be built. */
export const WINDOWS_VERSIONS: readonly WindowsVersion[] = [
  { ...CLIENT, name: '7', drivers: 'w7', osinfo: 'win7' },
  { ...SERVER, name: '2008R2', drivers: '2k8R2', osinfo: 'win2k8r2' },
  { ...CLIENT, name: '8', drivers: 'w8', osinfo: 'win8' },
  { ...SERVER, name: '2012', drivers: '2k12', osinfo: 'win2k12' },
  { ...CLIENT, name: '8.1', drivers: 'w8.1', osinfo: 'win8.1' },
  { ...SERVER, name: '2012R2', drivers: '2k12R2', osinfo: 'win2k12r2' },
  { ...CLIENT, name: '10', drivers: 'w10', osinfo: 'win10', hasSsh: true },
  { ...SERVER, name: '2016', drivers: '2k16', osinfo: 'win2k16' },
  { ...SERVER, name: '2019', drivers: '2k19', osinfo: 'win2k19', hasSsh: true },
  { ...SERVER, name: '2022', drivers: '2k22', osinfo: 'win2k22', hasSsh: true, modern: true },
  { ...CLIENT, name: '11', drivers: 'w11', osinfo: 'win11', arches: PC64, hasSsh: true, modern: true },
  { ...SERVER, name: '2025', drivers: '2k25', osinfo: 'win2k25', hasSsh: true, modern: true },
];

/** Converts a version's name to its index in `NAMES`; Infinity for a future version, undefined for an unknown name. */
export function parseWindowsVersion(written: string): Version | undefined {
  const name = written.replace(/[\s_-]+/g, '').toLowerCase();
  const place = NAMES.findIndex((known) => known.toLowerCase() === name);
  if (place >= 0) return [place];
  return /^(20(2[6-9]|[3-9]\d)|1[2-9])$/.test(name) ? [Infinity] : undefined;
}

/** Finds the data of a version. A future version is treated like the newest client or server. */
export function findWindowsVersion([place = Infinity]: Version, written: string): WindowsVersion {
  const name = NAMES[place] ?? (/^20/.test(written.trim()) ? '2025' : '11');
  const found = WINDOWS_VERSIONS.find((known) => known.name === name);
  if (found === undefined) throw new RangeError(`Windows ${name} cannot be built`);
  return found;
}
