import type { ConversionOptions } from '../disk/types.js';

/** How an OVF descriptor names an operating system. */
export interface GuestOs {
  /** The number of DMTF's CIM schema, `CIM_OperatingSystem.OsType`. */
  cim: number;
  /** VMware's name, `vim.vm.GuestOsDescriptor.GuestOsIdentifier`. */
  osType: string;
}

/** The hardware version of vSphere 7.0 Update 2, which knows the names that are used without another one. */
export const HARDWARE_VERSION = 19;
/** The hardware version of vSphere 8.0.0.1, which brought newer names. */
const VSPHERE_8 = 20;

interface Guest extends Pick<ConversionOptions['system'], 'version'> {
  /** The first number of the version. */
  major: number;
  wide: boolean;
  hardware: number;
}

/** A system's numbers of the CIM schema (for 32 and for 64 bits), and how its names are built. */
interface GuestRule {
  matches: RegExp;
  cim: readonly [number, number];
  name: (guest: Guest) => string;
}

/** `debian11` → `debian11_64Guest`, or `debian11Guest` on 32 bits. */
function withNumber(name: string, number: number, { wide }: Guest): string {
  return `${name}${number}${wide ? '_64Guest' : 'Guest'}`;
}

/** `ubuntu` → `ubuntu64Guest`, or `ubuntuGuest` on 32 bits. */
function withoutNumber(name: string, { wide }: Guest): string {
  return `${name}${wide ? '64Guest' : 'Guest'}`;
}

function rhelName(guest: Guest): string {
  return withNumber('rhel', Math.min(guest.major, 9), guest);
}

/** A system like RHEL, whose own name exists since vSphere 8. */
function rhelLike(name: string): (guest: Guest) => string {
  return (guest) => (guest.hardware < VSPHERE_8 ? rhelName(guest) : `${name}_64Guest`);
}

/**
 * The systems of a template's name, without blanks and signs. The names are those of
 * developer.broadcom.com/xapis (VirtualMachineGuestOsIdentifier), each only from the release of vSphere that knows it.
 * The numbers are those that VMware's govmomi reads.
 */
const GUESTS: readonly GuestRule[] = [
  {
    matches: /^debian/,
    cim: [95, 96],
    name: (guest) => withNumber('debian', Math.min(guest.major, guest.hardware < VSPHERE_8 ? 11 : 12), guest),
  },
  { matches: /^ubuntu/, cim: [93, 94], name: (guest) => withoutNumber('ubuntu', guest) },
  { matches: /^(rhel|redhatenterpriselinux)/, cim: [79, 80], name: rhelName },
  {
    matches: /^centos/,
    cim: [106, 107],
    name: (guest) =>
      guest.major < 6 ? withoutNumber('centos', guest) : withNumber('centos', Math.min(guest.major, 9), guest),
  },
  {
    matches: /^(oracle|ol|oel)/,
    cim: [108, 109],
    name: (guest) =>
      guest.major < 6
        ? withoutNumber('oracleLinux', guest)
        : withNumber('oracleLinux', Math.min(guest.major, 9), guest),
  },
  { matches: /^rocky/, cim: [79, 80], name: rhelLike('rockylinux') },
  { matches: /^alma/, cim: [79, 80], name: rhelLike('almalinux') },
  { matches: /^(scientific|sl$|slc)/, cim: [79, 80], name: rhelName },
  { matches: /^fedora/, cim: [36, 101], name: (guest) => withoutNumber('fedora', guest) },
  {
    matches: /^(sles|sle|suselinux)/,
    cim: [84, 85],
    name: (guest) =>
      guest.major < 10 ? withoutNumber('sles', guest) : withNumber('sles', Math.min(guest.major, 16), guest),
  },
  { matches: /^(opensuse|leap|tumbleweed)/, cim: [82, 83], name: (guest) => withoutNumber('opensuse', guest) },
  { matches: /^(mandriva|mandrake)/, cim: [89, 90], name: (guest) => withoutNumber('mandriva', guest) },
  {
    matches: /^freebsd/,
    cim: [42, 78],
    name: (guest) =>
      guest.major < 11
        ? withoutNumber('freebsd', guest)
        : withNumber('freebsd', Math.min(guest.major, guest.hardware < VSPHERE_8 ? 13 : 14), guest),
  },
  { matches: /^win/, cim: [1, 102], name: windowsName },
];

/** VMware calls a version of Windows by the number of the version before it, or by that of its kernel. */
function windowsName(guest: Guest): string {
  const { hardware } = guest;
  switch (guest.version.toLowerCase().replaceAll(/[^\da-z.]/g, '')) {
    case '7':
      return guest.wide ? 'windows7_64Guest' : 'windows7Guest';
    case '8':
    case '8.1':
      return guest.wide ? 'windows8_64Guest' : 'windows8Guest';
    case '10':
      return guest.wide ? 'windows9_64Guest' : 'windows9Guest';
    case '11':
      return hardware < VSPHERE_8 ? 'windows9_64Guest' : 'windows11_64Guest';
    case '2008r2':
      return 'windows7Server64Guest';
    case '2012':
    case '2012r2':
      return 'windows8Server64Guest';
    case '2016':
      return 'windows9Server64Guest';
    case '2019':
      return 'windows2019srv_64Guest';
    case '2022':
      return 'windows2019srvNext_64Guest';
    case '2025':
      return hardware < VSPHERE_8 ? 'windows2019srvNext_64Guest' : 'windows2022srvNext_64Guest';
    default:
      return guest.wide ? 'windows9Server64Guest' : 'windows9Guest';
  }
}

/** Finds the names of a system for a descriptor: the newest that the hardware version knows. */
export function findGuestOs(system: ConversionOptions['system'], hardware: number): GuestOs {
  const name = system.os.toLowerCase().replaceAll(/[^a-z\d]/g, '');
  const wide = system.arch !== 'i386';
  // Oz writes the major version into the name: `RHEL-6`, with the update as the version.
  const numbered = /-(\d{1,2})$/.exec(system.os)?.[1];
  const major = Number.parseInt(numbered ?? system.version) || 0;
  const rule = GUESTS.find(({ matches }) => matches.test(name));
  if (rule === undefined)
    return wide ? { cim: 101, osType: 'otherLinux64Guest' } : { cim: 36, osType: 'otherLinuxGuest' };
  return { cim: rule.cim[wide ? 1 : 0], osType: rule.name({ version: system.version, major, wide, hardware }) };
}
