import { FactoryError } from '../../../domain/errors.js';
import { NO_TOOLS } from '../../guest/no-package-manager.js';
import { FLOPPY } from '../../installer/unsupported.js';
import type { OsFamily } from '../../profile/types.js';

/**
 * RHEL 2.1. Oz has a name for this system, but a build in OpenStack is not possible. It is listed so that the error
 * message can say why.
 */
export const rhel21: OsFamily = {
  family: 'rhel-2.1',
  title: 'Red Hat Enterprise Linux 2.1',
  names: ['RHEL-2.1', 'RedHatEnterpriseLinux-2.1'],
  releases: [
    {
      from: 'GOLD',
      to: 'U6',
      arches: ['x86_64', 'i386'],
      installTypes: [],
      reason: FLOPPY,
      scriptKind: 'kickstart',
      tools: NO_TOOLS,
      verified: 'not yet',
    },
  ],
  usualMemoryFrom: '6',
  versions: 'GOLD, U2 to U6',
  readVersion: ({ version }) => (/^(GOLD|U[2-6])$/i.test(version) ? [2, 1] : undefined),
  planInstaller: ({ os }) => {
    throw new FactoryError('UnsupportedOs', `${os.name} ${os.version} cannot be built: ${FLOPPY}`);
  },
};
