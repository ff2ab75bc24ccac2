import type { Template } from '../../../tdl/types.js';
import { parseVersion } from '../../common/versions.js';
import type { IsoLayout } from '../../installer/types.js';
import type { OsFamily } from '../../profile/types.js';
import { DRAKX_RELEASE, planDrakxInstaller } from './drakx.js';

/**
 * Mageia, installed from its installation media. Its network media cannot be used, because they do not read our script.
 */
export const mageia: OsFamily = {
  family: 'mageia',
  title: 'Mageia',
  names: ['Mageia'],
  releases: [
    { ...DRAKX_RELEASE, from: '2', to: '6', arches: ['x86_64', 'i386'] },
    { ...DRAKX_RELEASE, from: '7', to: '9', arches: ['x86_64', 'i386', 'aarch64', 'armv7l'] },
    { ...DRAKX_RELEASE, from: '10', to: '10', arches: ['x86_64', 'i386'] },
  ],
  oldSshUpTo: '4',
  versions: '2 to 10',
  readVersion: ({ version }) => (/^\d{1,2}(\.\d)?$/.test(version) ? parseVersion(version) : undefined),
  planInstaller: (template) =>
    planDrakxInstaller(template, {
      layout: buildLayout(template),
      words: ['automatic=method:cdrom', `kickstart=${SCRIPT}`],
      distro: 'mageia',
    }),
};

const SCRIPT = 'install/auto_inst.cfg.pl';

function buildLayout({ os }: Template): IsoLayout {
  const folders = ['isolinux/x86_64', 'isolinux/i586', 'isolinux', `boot/${os.arch}`];
  return {
    boots: {
      kernels: folders.map((folder) => `${folder}/vmlinuz`),
      ramdisks: folders.map((folder) => `${folder}/all.rdz`),
    },
    script: { path: SCRIPT },
  };
}
