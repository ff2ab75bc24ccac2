import { quoteWords } from '../../guest/guest-scripts.js';
import { INSTALLED } from './stock-input.js';

/**
 * Writes cloud-init's configuration of the user who may log in. By default, cloud-init uses the distribution's user and
 * disables root. For root, this configuration enables root; for another user, it makes this user the default one.
 */
function writeCloudConfig(user: string): string {
  if (user === 'root') return 'disable_root: false\n';
  return `system_info:
  default_user:
    name: ${user}
    lock_passwd: true
    shell: /bin/bash
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
`;
}

/** The path of our configuration for cloud-init. cloud-init reads this file after the files of its package. */
const CLOUD_CONFIG_PATH = '/etc/cloud/cloud.cfg.d/90_imagefactory.cfg';

/**
 * Writes a command that configures the user who may log in. The command is one line, because some script languages do
 * not allow more lines.
 */
export function writeUserAccess(user: string): string {
  return `mkdir -p /etc/cloud/cloud.cfg.d && printf ${quoteWords([writeCloudConfig(user).replaceAll('\n', '\\n')])} >${CLOUD_CONFIG_PATH}`;
}

/**
 * Writes the last commands of a script in the installed system. They configure the user who may log in, then print the
 * marker on the console.
 */
export function writeLastCommands(user: string): string[] {
  return [`${writeUserAccess(user)} || exit 1`, `echo ${INSTALLED} >/dev/console`];
}

/** How a system without cloud-init runs a program at the end of each boot. */
export type BootHook = 'rc.local' | 'init.d' | 'after.local';

const KEY_PROGRAM = '/usr/local/sbin/openstack-key';

const HOOKS: Record<BootHook, string> = {
  // For Red Hat and its derivatives. Later releases run this file, but do not create it, so these commands create it.
  'rc.local': `[ -s /etc/rc.d/rc.local ] || echo '#!/bin/sh' >/etc/rc.d/rc.local
echo ${KEY_PROGRAM} >>/etc/rc.d/rc.local
chmod +x /etc/rc.d/rc.local`,
  // For Debian. Its rc.local ends with an exit, so a line at the end of rc.local would not run.
  'init.d': `cat >/etc/init.d/openstack-key <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: openstack-key
# Required-Start: $network $remote_fs $syslog
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop:
# Short-Description: lets in who has the key of the instance
### END INIT INFO
[ "$1" != start ] || ${KEY_PROGRAM}
END
chmod 755 /etc/init.d/openstack-key
update-rc.d openstack-key defaults 99`,
  // For SUSE.
  'after.local': `printf '#!/bin/sh\\n${KEY_PROGRAM}\\n' >/etc/init.d/after.local
chmod 755 /etc/init.d/after.local`,
};

/**
 * Writes commands that create the user, and a service, on systems without cloud-init. At each boot the service fetches
 * the key of the instance from the metadata service and adds it to the user's authorized keys. It also prints the SSH
 * host keys to the console between cloud-init's marker lines, because the build verifies the host by these keys. The
 * metadata service may become reachable later than the network, so the service retries for a minute. The image contains
 * no SSH host keys, and Debian creates them only when its OpenSSH package is installed, so the service creates them.
 */
export function writeKeyService(user: string, hook: BootHook): string {
  const home = user === 'root' ? '/root' : `/home/${user}`;
  return `if ! command -v cloud-init >/dev/null 2>&1; then
${user === 'root' ? '' : `${writeNewUser(user)}\n`}mkdir -p /usr/local/sbin
cat >${KEY_PROGRAM} <<'END'
#!/bin/sh
url=http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key
for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
  key=$(curl -sf $url 2>/dev/null || wget -qO- $url 2>/dev/null) && break
  sleep 5
done
mkdir -p ${home}/.ssh && chmod 700 ${home}/.ssh
if [ -n "$key" ] && ! grep -qsF "$key" ${home}/.ssh/authorized_keys; then
  echo "$key" >>${home}/.ssh/authorized_keys && chmod 600 ${home}/.ssh/authorized_keys
fi
chown -R ${user}: ${home}/.ssh
restorecon -R ${home}/.ssh 2>/dev/null
if [ -x /etc/init.d/ssh ] && ! ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  for type in rsa dsa; do ssh-keygen -q -t $type -N '' -f /etc/ssh/ssh_host_\${type}_key; done
  /etc/init.d/ssh restart
fi
{ echo '-----BEGIN SSH HOST KEY KEYS-----'; cat /etc/ssh/ssh_host_*_key.pub; echo '-----END SSH HOST KEY KEYS-----'; } >/dev/console
END
chmod 755 ${KEY_PROGRAM}
${HOOKS[hook]}
fi`;
}

/**
 * Writes commands that create a user with sudo. Old releases require a terminal for sudo, and do not read
 * /etc/sudoers.d.
 */
function writeNewUser(user: string): string {
  return `useradd -m -s /bin/bash ${user}
printf '%s\\n' '${user} ALL=(ALL) NOPASSWD: ALL' 'Defaults:${user} !requiretty' >>/etc/sudoers`;
}
