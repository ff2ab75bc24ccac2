import { stringify } from 'yaml';
import { words } from '../../guest/guest-scripts.js';
import { letIn } from './shell.js';
import { INSTALLED, type StockInput } from './types.js';

/** A cloud-config with an autoinstall for the smallest system that a cloud can use. https://canonical-subiquity.readthedocs-hosted.com */
export function stockAutoinstall({ template, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  // The first subiquity (20.04) does not know its target by itself.
  const inTarget = (script: string): string => `curtin in-target --target=/target -- sh -c ${words([script])}`;
  const document = {
    autoinstall: {
      version: 1,
      locale: 'en_US.UTF-8',
      keyboard: { layout: 'us' },
      timezone: 'Etc/UTC',
      ssh: { 'install-server': true, 'allow-pw': false },
      storage: { layout: { name: diskLayout === 'lvm' ? 'lvm' : 'direct' } },
      packages: ['openssh-server', 'cloud-guest-utils'],
      updates: 'security',
      'user-data': user === 'root' ? { disable_root: false } : { users: ['default'] },
      'late-commands': [
        ...(rootpw === undefined || rootpw === ''
          ? []
          : [inTarget(`printf '%s\\n' ${words([`root:${rootpw}`])} | chpasswd`)]),
        inTarget(letIn(user)),
        `echo ${INSTALLED} >/dev/console`,
      ],
      shutdown: 'poweroff',
    },
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}
