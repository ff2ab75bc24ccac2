import { words } from '../../guest/guest-scripts.js';
import { serialConsole } from '../../installer/installer-plan.js';
import { keyAtBoot, lastCommands } from './shell.js';
import type { StockInput } from './types.js';

/** A text of Perl that means itself. */
export function perl(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** What Mageia has, and what Mandriva had, whose DrakX knows file systems by the numbers of partitions as well. */
const OF_TODAY = {
  type: "'fs_type' => 'ext4'",
  packages: ['basesystem-minimal', 'kernel-server-latest', 'grub2', 'cloud-init', 'dhcp-client'],
  loader: 'grub2',
  hasCloudInit: true,
};
const OF_OLD = {
  type: "'fs_type' => 'ext3', 'type' => 0x483",
  packages: ['basesystem', 'grub', 'dhcp-client'],
  loader: 'grub',
  hasCloudInit: false,
};
const PACKAGES = ['openssh-server', 'sudo', 'curl', 'urpmi', 'locales-en'];

/** DrakX's answers for the smallest system that a cloud can use. https://wiki.mageia.org/en/Auto_inst */
export function stockAutoInst({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw, arch } = template.os;
  const { type, packages, loader, hasCloudInit } = profile.family === 'mageia' ? OF_TODAY : OF_OLD;
  const none = rootpw === undefined || rootpw === '';
  const efi = diskLayout === 'efi';
  const commands = [
    ...(none ? ['passwd -l root'] : []),
    ...(hasCloudInit ? [] : [keyAtBoot(user, 'rc.local')]),
    ...lastCommands(user),
  ];
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
      ? `    { 'mntpoint' => '/boot', ${type}, 'size' => 600 << 11 },
    { 'parts' => 'system', 'mntpoint' => '', 'type' => 0x8e, 'VG_name' => 'system', 'size' => 3000 << 11, 'ratio' => 100 },
    { 'parent' => 'system', 'mntpoint' => '/', ${type}, 'size' => 2500 << 11, 'ratio' => 100 },
`
      : `    { 'mntpoint' => '/', ${type}, 'size' => 3000 << 11, 'ratio' => 100 },
`
  }  ],
  'default_packages' => [ ${[...packages, ...PACKAGES].map(perl).join(', ')} ],
  'rpmsrate_flags_chosen' => {},
  'no_suggests' => 1,
  'X' => { 'disabled' => 1 },
  'bootloader' => { 'method' => '${loader}', 'timeout' => 1, 'perImageAppend' => 'console=tty0 console=${serialConsole(arch)}' },
  'net' => {
    'type' => 'ethernet',
    'network' => { 'NETWORKING' => 'yes' },
    'ifcfg' => { 'eth0' => { 'DEVICE' => 'eth0', 'BOOTPROTO' => 'dhcp', 'ONBOOT' => 'yes', 'isUp' => 1 } },
  },
  'postInstall' => ${perl(`sh -c ${words([commands.join('\n')])}`)},
  'postInstallNonRooted' => 'sync; poweroff -f',
};
`;
}
