import type { Template } from '../tdl/types.js';

type Arch = Template['os']['arch'];

/** What a guest says about its own system. */
export interface ToldSystem {
  /** The name as a template writes it, such as `Debian`. For a system that we do not know: the name that it says. */
  name: string;
  version: string;
  arch: Arch;
}

/** Names in TDL of systems whose `ID` in os-release is no name in TDL. */
const NAMES: Readonly<Record<string, string>> = {
  debian: 'Debian',
  ubuntu: 'Ubuntu',
  fedora: 'Fedora',
  rhel: 'RHEL',
  centos: 'CentOS',
  rocky: 'Rocky',
  almalinux: 'AlmaLinux',
  ol: 'OracleLinux',
  'opensuse-leap': 'OpenSUSE',
  'opensuse-tumbleweed': 'Tumbleweed',
  sles: 'SLES',
  mageia: 'Mageia',
  freebsd: 'FreeBSD',
};

/** Names in TDL of the machines that `uname -m` names otherwise. */
const ARCHES: Readonly<Record<string, Arch>> = {
  x86_64: 'x86_64',
  amd64: 'x86_64',
  i386: 'i386',
  i686: 'i386',
  aarch64: 'aarch64',
  arm64: 'aarch64',
  armv7l: 'armv7l',
  ppc64: 'ppc64',
  ppc64le: 'ppc64le',
  s390x: 's390x',
};

/** Longest name or version of a system that we take over, in characters. */
const LONGEST = 60;

/**
 * Reads the system from the text of `/etc/os-release` and the word that `uname -m` prints.
 * https://www.freedesktop.org/software/systemd/man/latest/os-release.html
 *
 * @returns undefined when the text names no system, or TDL has no name for the machine
 */
export function readToldSystem(osRelease: string, machine: string): ToldSystem | undefined {
  const { ID: id = '', NAME: name = '', VERSION_ID: version = '' } = readAssignments(osRelease);
  const arch = Object.hasOwn(ARCHES, machine) ? ARCHES[machine] : undefined;
  if (id === '' || arch === undefined) return undefined;
  const isStream = id === 'centos' && /stream/i.test(name);
  const known = isStream ? 'CentOS-Stream' : Object.hasOwn(NAMES, id) ? NAMES[id] : undefined;
  return { name: (known ?? (name || id)).slice(0, LONGEST), version: (version || 'unknown').slice(0, LONGEST), arch };
}

/** Reads the lines `NAME=value` and `NAME="value"`. Control characters in values become blanks. */
function readAssignments(text: string): Record<string, string | undefined> {
  const found = text.split('\n').flatMap((line) => {
    const [, name = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    const plain = value.replace(/^(["'])(.*)\1$/, '$2').replace(/\p{Cc}/gu, ' ');
    return name === '' ? [] : [[name, plain.trim()] as const];
  });
  return Object.fromEntries(found);
}
