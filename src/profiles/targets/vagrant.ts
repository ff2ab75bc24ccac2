import { DEBIAN_LIKE, ENTERPRISE_LINUX, SUSE } from '../families.js';
import type { ProfileVariant, TargetProfile } from '../types.js';

/**
 * The user that Vagrant logs in as, with Vagrant's public key that everybody knows; Vagrant replaces it at the first
 * boot. The user has no password. https://developer.hashicorp.com/vagrant/docs/boxes/base
 */
const USER = `
<packages><package name="rsync"/><package name="sudo"/></packages>
<files>
  <file name="/etc/cloud/cloud.cfg.d/99-imagefactory-vagrant.cfg">
# Vagrant sets the name of the machine and the users itself.
users: []
preserve_hostname: true
  </file>
</files>
<commands>
  <command name="user vagrant"><![CDATA[
set -e
id vagrant >/dev/null 2>&1 || useradd --create-home --shell /bin/bash vagrant
usermod --password '*' vagrant
home=$(getent passwd vagrant | cut -d: -f6)
mkdir -p "$home/.ssh"
cat >"$home/.ssh/authorized_keys" <<'KEYS'
ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y vagrant insecure public key
KEYS
chmod 0700 "$home/.ssh"
chmod 0600 "$home/.ssh/authorized_keys"
chown -R vagrant: "$home/.ssh"
if command -v restorecon >/dev/null 2>&1; then restorecon -R "$home/.ssh"; fi
mkdir -p /etc/sudoers.d
(umask 0337 && printf 'vagrant ALL=(ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/vagrant.new)
mv -f /etc/sudoers.d/vagrant.new /etc/sudoers.d/vagrant
grep -qi '^UseDNS' /etc/ssh/sshd_config || sed -i '1i UseDNS no' /etc/ssh/sshd_config
]]></command>
</commands>`;

/** A box has no data for cloud-init, which still makes host keys and grows the root file system. */
const COMMON = { fragment: USER, datasources: ['None'], summary: 'user vagrant with Vagrant’s public key, sudo' };

function describeBox(hypervisor: 'libvirt' | 'virtualbox', of: Partial<ProfileVariant>): TargetProfile {
  return {
    name: `vagrant-${hypervisor}`,
    variants: [
      { families: DEBIAN_LIKE, from: '9', ...COMMON, ...of },
      { families: [...ENTERPRISE_LINUX, 'fedora'], from: '7', ...COMMON, ...of },
      { families: SUSE, from: '12', ...COMMON, ...of },
    ],
  };
}

export const vagrantLibvirt = describeBox('libvirt', { drivers: ['virtio_blk'], modules: ['virtio_net'] });

export const vagrantVirtualbox = describeBox('virtualbox', { drivers: ['ahci', 'sd_mod'], modules: ['e1000'] });
