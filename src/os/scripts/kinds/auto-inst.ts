import { serialConsole } from '../../common/architectures.js';
import { quoteWords } from '../../guest/guest-scripts.js';
import type { Finding } from '../checks/finding.js';
import { powersOff } from '../checks/power-off.js';
import { writeKeyService, writeLastCommands } from '../stock-parts/shell.js';
import type { StockInput } from '../stock-parts/stock-input.js';
import { findFirstStatement } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/** The answer file of DrakX, the installer of Mageia and Mandriva. */
export const autoInst: ScriptKind = {
  title: 'auto_inst.cfg.pl',
  name: 'an auto_inst.cfg.pl',
  matches: (text) => /^\$o\s*=/.test(findFirstStatement(text)),
  check: checkAutoInst,
  writeStock: writeAutoInst,
  passwords: [/["']?\b(?:password|pw)["']?[ \t]*=>[ \t]*("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/g],
  memory: { installer: 1024, system: 512 },
  // Mageia's DrakX finds the script without the word `kickstart=`. Mandriva's DrakX takes the path in this word as
  // relative to the medium's folder for the architecture.
  medium: { word: /(?:^|\s)kickstart=(?!\w+:)(\S+)/, paths: ['install/auto_inst.cfg.pl'] },
};

/** Matches the beginning of an answer that DrakX runs as a command at the end of the installation. */
const POST_INSTALL = /['"]?\b(?:postInstall|postInstallNonRooted)['"]?\s*=>\s*/g;
/**
 * Matches a Perl string. The pattern has one group for each kind of quotes. The group that matches is the text of the
 * string.
 */
const STRING = /'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|qq?\{((?:\\.|[^}\\])*)\}|qq?\(((?:\\.|[^)\\])*)\)/sy;

/**
 * Checks an answer file of DrakX. The file is Perl, and only its post-installation commands can power the machine off.
 */
function checkAutoInst(text: string): Finding[] {
  const lines = text.split(/\r?\n/);
  const line = lines.findIndex((line) => /^\s*\$o\s*=/.test(line)) + 1;
  if (line === 0) return [{ line: 1, column: 1, message: 'this is not an auto_inst.cfg.pl: it must set $o = { … };' }];
  const code = lines.map((line) => (/^\s*#/.test(line) ? '' : line)).join('\n');
  if (listCommands(code).some((command) => powersOff(command, 'linux'))) return [];
  return [
    {
      line,
      column: 1,
      about: 'ending',
      message: `DrakX would reboot the machine and install again: add "'postInstallNonRooted' => 'sync; poweroff -f'," below line ${line}`,
    },
  ];
}

/** Lists the commands that DrakX runs after the installation, without the quotes of Perl. */
function listCommands(code: string): string[] {
  const commands: string[] = [];
  let at = 0;
  for (const { index, 0: found } of code.matchAll(POST_INSTALL)) {
    const start = index + found.length;
    // A match inside the previous string is not an answer.
    if (start < at) continue;
    STRING.lastIndex = start;
    const [, ...texts] = STRING.exec(code) ?? [];
    const command = texts.find((text) => text !== undefined);
    if (command !== undefined) {
      commands.push(command.replace(/\\(['"\\$@])/g, '$1'));
      at = STRING.lastIndex;
    } else if (/['"q]/.test(code.charAt(start))) {
      // A string without an end takes the rest of the file, so there are no further answers.
      break;
    }
  }
  return commands;
}

/** Quotes a text for Perl. */
function quotePerl(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** The differences between Mageia and Mandriva. Mandriva's DrakX also needs the number of a partition's type. */
const MAGEIA = {
  type: "'fs_type' => 'ext4'",
  packages: ['basesystem-minimal', 'kernel-server-latest', 'grub2', 'cloud-init', 'dhcp-client'],
  loader: 'grub2',
  hasCloudInit: true,
};
const MANDRIVA = {
  type: "'fs_type' => 'ext3', 'type' => 0x483",
  packages: ['basesystem', 'grub', 'dhcp-client'],
  loader: 'grub',
  hasCloudInit: false,
};
const PACKAGES = ['openssh-server', 'sudo', 'curl', 'urpmi', 'locales-en'];

/** Writes DrakX's answer file for the smallest system that a cloud can use. https://wiki.mageia.org/en/Auto_inst */
function writeAutoInst({ template, profile, diskLayout, user }: StockInput): string {
  const { rootpw, arch } = template.os;
  const { type, packages, loader, hasCloudInit } = profile.family === 'mageia' ? MAGEIA : MANDRIVA;
  const none = rootpw === undefined || rootpw === '';
  const efi = diskLayout === 'efi';
  const commands = [
    ...(none ? ['passwd -l root'] : []),
    ...(hasCloudInit ? [] : [writeKeyService(user, 'rc.local')]),
    ...writeLastCommands(user),
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
  'superuser' => { 'uid' => '0', 'gid' => '0', 'home' => '/root', 'shell' => '/bin/bash', ${none ? "'pw' => ''" : `'password' => ${quotePerl(rootpw)}`} },
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
  'default_packages' => [ ${[...packages, ...PACKAGES].map(quotePerl).join(', ')} ],
  'rpmsrate_flags_chosen' => {},
  'no_suggests' => 1,
  'X' => { 'disabled' => 1 },
  'bootloader' => { 'method' => '${loader}', 'timeout' => 1, 'perImageAppend' => 'console=tty0 console=${serialConsole(arch)}' },
  'net' => {
    'type' => 'ethernet',
    'network' => { 'NETWORKING' => 'yes' },
    'ifcfg' => { 'eth0' => { 'DEVICE' => 'eth0', 'BOOTPROTO' => 'dhcp', 'ONBOOT' => 'yes', 'isUp' => 1 } },
  },
  'postInstall' => ${quotePerl(`sh -c ${quoteWords([commands.join('\n')])}`)},
  'postInstallNonRooted' => 'sync; poweroff -f',
};
`;
}
