import { words } from '../guest-scripts.js';
import { INSTALLED } from './types.js';

/** cloud-init's own configuration: whom it lets in. Images let in their distribution's user; root only where the build needs it. */
export function cloudConfig(user: string): string {
  if (user === 'root') return 'disable_root: false\n';
  return `system_info:
  default_user:
    name: ${user}
    lock_passwd: true
    shell: /bin/bash
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
`;
}

/** Where cloud-init reads it, after what its package has brought. */
export const CLOUD_CONFIG_PATH = '/etc/cloud/cloud.cfg.d/90_imagefactory.cfg';

/** Says in the installed system who is let in: one line, because some script languages have no others. */
export function letIn(user: string): string {
  return `mkdir -p /etc/cloud/cloud.cfg.d && printf ${words([cloudConfig(user).replaceAll('\n', '\\n')])} >${CLOUD_CONFIG_PATH}`;
}

/** Lines of a script that runs in the installed system: who is let in, then the marker. */
export function lastCommands(user: string): string[] {
  return [`${letIn(user)} || exit 1`, `echo ${INSTALLED} >/dev/console`];
}

/**
 * For systems that have no cloud-init: at each start the key of the instance is read from the metadata service and let in as root's. The
 * service may be there later than the network, so it is asked for a minute.
 */
export const KEY_AT_BOOT = `cat >>/etc/rc.d/rc.local <<'END'
if ! command -v cloud-init >/dev/null 2>&1; then
  for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
    key=$(curl -sf http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key) && break
    sleep 5
  done
  mkdir -p /root/.ssh && chmod 700 /root/.ssh
  if [ -n "$key" ] && ! grep -qsF "$key" /root/.ssh/authorized_keys; then
    echo "$key" >>/root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys
  fi
fi
END
chmod +x /etc/rc.d/rc.local`;
