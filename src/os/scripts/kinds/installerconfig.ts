import { FactoryError } from '../../../domain/errors.js';
import { quoteWords } from '../../guest/guest-scripts.js';
import type { Finding } from '../checks/finding.js';
import { powersOff } from '../checks/power-off.js';
import { INSTALLED, type StockInput } from '../stock-parts/stock-input.js';
import { countLines, findFirstStatement } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** The script of bsdinstall, FreeBSD's installer. */
export const installerconfig: ScriptKind = {
  title: 'installerconfig',
  name: 'an installerconfig',
  matches: (text) =>
    /^(export\s+)?(DISTRIBUTIONS|PARTITIONS|ZFSBOOT_\w+|BSDINSTALL_\w+|nonInteractive)=/.test(findFirstStatement(text)),
  check: checkInstallerconfig,
  writeStock: writeInstallerconfig,
  memory: { installer: 512, system: 256 },
  medium: { paths: ['etc/installerconfig'] },
};

/**
 * Checks FreeBSD's installerconfig: settings for bsdinstall, then a shell script for the new system (bsdinstall(8),
 * "SCRIPTING"). The script begins at the first line with `#!` that is not the first line of the file. The script ends
 * before the next line with `#!`: bsdinstall takes the lines from there on for another script, and does not run them.
 */
function checkInstallerconfig(text: string): Finding[] {
  const lines = text.split(/\r?\n/);
  const isStart = (line: string, index: number): boolean => index > 0 && line.startsWith('#!');
  const start = lines.findIndex(isStart);
  const after = start < 0 ? -1 : lines.findIndex((line, index) => index > start && isStart(line, index));
  const script = start < 0 ? [] : lines.slice(start, after < 0 ? undefined : after);
  if (powersOff(script.join('\n'), 'freebsd')) return [];
  const end = after < 0 ? countLines(lines) : after;
  const add = start < 0 ? 'the lines "#!/bin/sh" and "poweroff"' : 'the line "poweroff"';
  const where = after < 0 ? 'at the end' : `above line ${after + 1}, where another script begins, which does not run`;
  return [
    {
      line: end + 1,
      column: 1,
      about: 'ending',
      message: `the script for the new system does not power the machine off: add ${add} ${where}`,
    },
  ];
}

/**
 * The rc.d script of a service that takes the place of cloud-init, which the base system does not have. At each boot
 * the service fetches the key of the instance from the metadata service, adds it to root's authorized keys, and prints
 * the SSH host keys to the console between cloud-init's marker lines. bsdinstall starts a new script at every line that
 * begins with `#!`, so the install script adds the first line of the service separately.
 */
const KEY_SERVICE = `
# PROVIDE: openstack_key
# REQUIRE: NETWORKING sshd
. /etc/rc.subr
name=openstack_key
start_cmd=openstack_key_start
stop_cmd=:
openstack_key_start() {
  for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
    key=$(fetch -qT 5 -o - http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key) && break
    sleep 5
  done
  mkdir -p -m 700 /root/.ssh
  if [ -n "$key" ] && ! grep -qsF "$key" /root/.ssh/authorized_keys; then
    echo "$key" >>/root/.ssh/authorized_keys
    chmod 600 /root/.ssh/authorized_keys
  fi
  { echo '-----BEGIN SSH HOST KEY KEYS-----'; cat /etc/ssh/ssh_host_*_key.pub; echo '-----END SSH HOST KEY KEYS-----'; } >/dev/console
}
load_rc_config $name
run_rc_command "$1"
`;

/**
 * Writes an installerconfig for the smallest system that a cloud can use: bsdinstall(8), "SCRIPTING".
 * @throws FactoryError InvalidParameter
 */
function writeInstallerconfig({ template, diskLayout, user }: StockInput): string {
  const { rootpw } = template.os;
  if (user !== 'root') {
    throw new FactoryError(
      'InvalidParameter',
      'parameter default_user: it must be root, because FreeBSD’s base system has no sudo',
      {
        hint: 'leave default_user out, or bring an install script',
      },
    );
  }
  if (diskLayout === 'lvm') {
    throw new FactoryError('InvalidParameter', 'parameter disk_layout: FreeBSD has no LVM', {
      hint: 'write plain or efi, or bring an install script (for example, for ZFS)',
    });
  }
  return [
    'export nonInteractive="YES"',
    'DISTRIBUTIONS="kernel.txz base.txz"',
    // FreeBSD is installed on the first disk. This is a virtio disk (vtbd), or a SCSI, SATA or IDE disk (da, ada) if
    // the cloud attaches disks in that way.
    `PARTITIONS="$(sysctl -n kern.disks | tr ' ' '\\n' | grep -E '^(vtbd|da|ada)[0-9]' | sort | head -n 1) ${diskLayout === 'efi' ? 'GPT ' : ''}{ auto freebsd-ufs / }"`,
    '',
    '#!/bin/sh',
    'fail() { echo IMAGEFACTORY-ERROR "$1" >/dev/console; exit 1; }',
    'sysrc ifconfig_DEFAULT=DHCP sshd_enable=YES growfs_enable=YES openstack_key_enable=YES >/dev/null || fail sysrc',
    'tzsetup -s UTC',
    "printf '%s\\n' 'boot_multicons=\"YES\"' 'boot_serial=\"YES\"' 'console=\"comconsole,vidconsole\"' 'comconsole_speed=\"115200\"' 'autoboot_delay=\"1\"' >>/boot/loader.conf",
    "sed -i '' -e 's/^#*PermitRootLogin .*/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config",
    `mkdir -p /usr/local/etc/rc.d && printf '#!/bin/sh%s' ${quoteWords([KEY_SERVICE])} >/usr/local/etc/rc.d/openstack_key || fail openstack_key`,
    'chmod 555 /usr/local/etc/rc.d/openstack_key',
    rootpw === undefined || rootpw === ''
      ? 'pw usermod root -w no'
      : `printf '%s\\n' ${quoteWords([rootpw])} | pw usermod root -h 0 || fail rootpw`,
    ': >/firstboot',
    `echo ${INSTALLED} >/dev/console`,
    'sync',
    'poweroff',
    '',
  ].join('\n');
}
