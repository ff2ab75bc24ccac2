import { words } from '../guest-scripts.js';
import { lastCommands } from './shell.js';
import type { StockInput } from './types.js';

/** A text of Perl that means itself. */
function perl(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** DrakX's answers for the smallest system that a cloud can use. https://wiki.mageia.org/en/Auto_inst */
export function stockAutoInst({ template, diskLayout, user }: StockInput): string {
  const { rootpw, arch } = template.os;
  const console = arch === 'x86_64' || arch === 'i386' ? 'ttyS0,115200n8' : 'ttyAMA0';
  const none = rootpw === undefined || rootpw === '';
  const efi = diskLayout === 'efi';
  return `#!/usr/bin/perl -cw
$o = {
  'interactiveSteps' => [],
  'autoExitInstall' => 1,
  'locale' => { 'lang' => 'en_US', 'country' => 'US', 'langs' => { 'en_US' => 1 }, 'utf8' => 1 },
  'keyboard' => { 'KEYBOARD' => 'us', 'KBLAYOUT' => 'us' },
  'timezone' => { 'timezone' => 'UTC', 'UTC' => 1, 'ntp' => undef },
  'security' => 1,
  'authentication' => { 'shadow' => 1, 'local' => undef },
  'superuser' => { 'uid' => '0', 'gid' => '0', 'home' => '/root', 'shell' => '/bin/bash', ${none ? "'pw' => ''" : `'password' => ${perl(rootpw)}`} },
  'users' => [],
  'partitioning' => { 'auto_allocate' => 0, 'clearall' => 1, 'eraseBadPartitions' => 1 },
  'partitions' => [
${efi ? "    { 'mntpoint' => '/boot/EFI', 'fs_type' => 'vfat', 'size' => 300 << 11 },\n" : ''}${
    diskLayout === 'lvm'
      ? `    { 'mntpoint' => '/boot', 'fs_type' => 'ext4', 'size' => 600 << 11 },
    { 'parts' => 'system', 'mntpoint' => '', 'type' => 0x8e, 'VG_name' => 'system', 'size' => 3000 << 11, 'ratio' => 100 },
    { 'parent' => 'system', 'mntpoint' => '/', 'fs_type' => 'ext4', 'size' => 2500 << 11, 'ratio' => 100 },
`
      : `    { 'mntpoint' => '/', 'fs_type' => 'ext4', 'size' => 3000 << 11, 'ratio' => 100 },
`
  }  ],
  'default_packages' => [ 'basesystem-minimal', 'kernel-server-latest', 'grub2', 'openssh-server', 'cloud-init', 'sudo', 'curl', 'urpmi', 'dhcp-client', 'locales-en' ],
  'rpmsrate_flags_chosen' => {},
  'no_suggests' => 1,
  'X' => { 'disabled' => 1 },
  'bootloader' => { 'method' => 'grub2', 'timeout' => 1, 'perImageAppend' => 'console=tty0 console=${console}' },
  'net' => {
    'type' => 'ethernet',
    'network' => { 'NETWORKING' => 'yes' },
    'ifcfg' => { 'eth0' => { 'DEVICE' => 'eth0', 'BOOTPROTO' => 'dhcp', 'ONBOOT' => 'yes', 'isUp' => 1 } },
  },
  'postInstall' => ${perl(`sh -c ${words([`${none ? 'passwd -l root; ' : ''}${lastCommands(user).join('\n')}`])}`)},
  'postInstallNonRooted' => 'sync; poweroff -f',
};
`;
}
