import { FactoryError } from '../build/errors.js';
import { NO_TOOLS } from './no-guest.js';
import { FLOPPY } from './reasons.js';
import type { OsFamily, Release } from './types.js';
import { numbersOf } from './versions.js';

/*
 * Systems that Oz has names for and that cannot be built on OpenStack. They are known, so that the answer is why.
 */

interface Gone {
  family: string;
  title: string;
  names: string[];
  versions: string;
  pattern: RegExp;
  reason: string;
  scriptKind: Release['scriptKind'];
}

function gone({ family, title, names, versions, pattern, reason, scriptKind }: Gone): OsFamily {
  const release: Release = {
    from: '0',
    to: '9999',
    arches: ['x86_64', 'i386'],
    installTypes: [],
    reason,
    scriptKind,
    tools: NO_TOOLS,
    tried: 'not yet',
  };
  return {
    family,
    title,
    names,
    releases: [release],
    versions,
    versionOf: ({ version }) =>
      pattern.test(version) || /^(0|9999)$/.test(version) ? (numbersOf(version) ?? [1]) : undefined,
    installer: ({ os }) => {
      throw new FactoryError('UnsupportedOs', `${os.name} ${os.version} cannot be built: ${reason}`);
    },
  };
}

export const GONE: readonly OsFamily[] = [
  gone({
    family: 'rhel-2.1',
    title: 'Red Hat Enterprise Linux 2.1',
    names: ['RHEL-2.1', 'RedHatEnterpriseLinux-2.1'],
    versions: 'GOLD, U2 to U6',
    pattern: /^(GOLD|U[2-6])$/i,
    reason: FLOPPY,
    scriptKind: 'kickstart',
  }),
  gone({
    family: 'mandrake',
    title: 'Mandrake and Mandriva',
    names: ['Mandrake', 'Mandriva'],
    versions: '8.2 to 10.1, 2005 to 2008.0',
    pattern: /^(8\.2|9\.[0-2]|10\.[01]|2005|200[678]\.0)$/,
    reason: 'it has no programs to install from any more, and its installer reads its script from a medium only',
    scriptKind: 'auto_inst',
  }),
];
