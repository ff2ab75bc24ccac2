import { FactoryError } from '../../../domain/errors.js';
import { type Arch, serialConsole } from '../../common/architectures.js';
import { CONFIG_DRIVE, USER_DATA_URL } from '../../common/user-data.js';
import { isFrom } from '../../common/versions.js';
import { HARDWARE_ADDRESSES } from '../../guest/guest-scripts.js';
import type { Finding } from '../checks/finding.js';
import { writeKeyService, writeLastCommands } from '../stock-parts/shell.js';
import type { DiskLayout, StockInput } from '../stock-parts/stock-input.js';
import { countLines, findFirstStatement } from './lines.js';
import type { ScriptKind } from './script-kind.js';

/**
 * Matches a line with a command, or the beginning of a section. The command `install` is alone on its line. With
 * arguments, `install` is a program of the shell.
 */
const LINE =
  /^(%(packages|pre|post|onerror|addon|include|ksappend)\b|install$|(text|cmdline|graphical|lang|keyboard|timezone|rootpw|url|repo|bootloader|clearpart|zerombr|autopart|part|network|poweroff|reboot|halt|shutdown|selinux|firewall|auth|authconfig|authselect)(\s|$))/;

const IN_RAMDISK = 'install-script.ks';

/** A word of a command, in quotes or without. */
const WORD = String.raw`"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^-\s]\S*`;

/** anaconda's kickstart. https://anaconda-installer.readthedocs.io/en/latest/user-guide/boot-options.html#inst-ks */
export const kickstart: ScriptKind = {
  title: 'kickstart',
  name: 'a kickstart file',
  matches: (text) => LINE.test(findFirstStatement(text)),
  check: checkKickstart,
  writeStock: writeKickstart,
  passwords: [
    // rootpw [options] PASSWORD; sshpw --username=NAME [options] PASSWORD
    new RegExp(String.raw`^[ \t]*(?:rootpw|sshpw)(?:[ \t]+--username[ \t]+\S+)?(?:[ \t]+--\S+)*[ \t]+(${WORD})`, 'gm'),
    // user, bootloader, part, autopart, logvol, raid, vnc, realm, rhsm, network, iscsi, …
    new RegExp(
      String.raw`[ \t]--(?:(?:reverse-|one-time-|proxy-?)?password|passphrase|md5pass|wepkey|wpakey|activation-?key)(?:=|[ \t]+)(${WORD})`,
      'gm',
    ),
    // RHEL 5's installation number
    /^[ \t]*key[ \t]+(\w[\w-]{3,})[ \t\r]*$/gm,
  ],
  memory: { installer: 2048, system: 512 },
  initrd: { path: IN_RAMDISK, commandLine: (line) => line.replace(USER_DATA_URL, `file:/${IN_RAMDISK}`) },
  // Anaconda supports labels since it runs in dracut and has `inst.ks`. Its older loader does not support labels.
  configDrive: (line) =>
    line.includes('inst.ks=')
      ? line.replace(USER_DATA_URL, `hd:LABEL=${CONFIG_DRIVE.label}:${CONFIG_DRIVE.path}`)
      : undefined,
  medium: { word: /(?:^|\s)(?:inst\.)?ks=cdrom:\/(\S+)/ },
};

/** Commands that decide what the machine does after the installation. The last one in the file counts. */
const ENDINGS = ['poweroff', 'shutdown', 'halt', 'reboot'];
/** The commands that power the machine off. `halt` stops the system and leaves the machine on. */
const POWER_OFF = ['poweroff', 'shutdown'];
/** The options of these commands. They take no other word: https://pykickstart.readthedocs.io */
const ENDING_OPTIONS = ['--eject', '--kexec'];

/** Lines that put another file in their place. anaconda reads that file; we cannot. */
const INCLUDES = ['%include', '%ksappend'];

/** A line of a kickstart file. The line does not belong to a section. */
interface KickstartLine {
  line: number;
  column: number;
  /** Its words, as anaconda splits them: without quotes and without a comment. Never empty. */
  words: [string, ...string[]];
}

/**
 * Checks that a kickstart file powers the machine off at its end. Only commands count. A line in a section
 * (`%packages`, `%pre`, `%post` …) is not a command. A section ends at its `%end`, or at the next section in files
 * without `%end`.
 */
function checkKickstart(text: string): Finding[] {
  const { commands, firstSection, count } = readKickstart(text);
  const endings = commands.filter(({ words: [word] }) => ENDINGS.includes(word.toLowerCase()));
  const wrong = endings.flatMap(findMistake);
  const last = endings.filter(({ words: [word] }) => ENDINGS.includes(word)).at(-1);
  if (last !== undefined && POWER_OFF.includes(last.words[0])) return wrong;
  // If the command that was meant to power the machine off has a mistake, we report only this mistake.
  if (wrong.length > 0 && (last === undefined || wrong.some(({ line }) => line === last.line))) return wrong;
  if (last !== undefined) {
    const [command] = last.words;
    const why = command === 'halt' ? 'leaves the machine on' : 'reboots the machine, which would install again';
    const message = `"${command}" ${why}: write the line "poweroff" instead`;
    return [...wrong, { line: last.line, column: last.column, about: 'ending', message }];
  }
  const line = firstSection ?? count + 1;
  const where =
    firstSection === undefined ? `at the end, as line ${line}` : `above line ${line}, where the first section begins`;
  const include = commands.find(({ words: [word] }) => INCLUDES.includes(word));
  const message =
    include === undefined
      ? `the installer does not power the machine off at the end: add the line "poweroff" ${where}`
      : `nothing here powers the machine off at the end, and this check cannot read the file of "${include.words.join(' ')}": add the line "poweroff" ${where}`;
  return [{ line: include?.line ?? line, column: include?.column ?? 1, about: 'ending', message }];
}

/**
 * Finds the mistakes for which anaconda refuses an ending command: capital letters, and arguments that are not options.
 */
function findMistake({ line, column, words: [command, ...rest] }: KickstartLine): Finding[] {
  const right = command.toLowerCase();
  if (command !== right) {
    return [{ line, column, message: `anaconda does not know the command "${command}": write "${right}"` }];
  }
  const strange = rest.filter((word) => !ENDING_OPTIONS.includes(word));
  if (strange.length === 0) return [];
  const instead = command === 'shutdown' || rest.includes('-p') ? 'poweroff' : command;
  const message = `anaconda does not accept "${strange.join(' ')}" behind "${command}", which is a kickstart command and not the program of the shell: write "${instead}" alone`;
  return [{ line, column, message }];
}

/** Reads the lines outside of the sections, and finds out where the first section begins. */
function readKickstart(text: string): { commands: KickstartLine[]; firstSection: number | undefined; count: number } {
  const lines = text.split(/\r?\n/);
  const commands: KickstartLine[] = [];
  let section = false;
  let firstSection: number | undefined;
  lines.forEach((raw, index) => {
    const [word, ...rest] = raw
      .replace(/#.*$/, '')
      .replace(/["']/g, '')
      .split(/\s+/)
      .filter((part) => part !== '');
    if (word === undefined) return;
    if (word === '%end') {
      section = false;
    } else if (word.startsWith('%') && !INCLUDES.includes(word)) {
      section = true;
      firstSection ??= index + 1;
    } else if (!section) {
      commands.push({ line: index + 1, column: raw.search(/\S/) + 1, words: [word, ...rest] });
    }
  });
  return { commands, firstSection, count: countLines(lines) };
}

/**
 * The kickstart language of a release. An enterprise release has the language of an older Fedora, with a few additional
 * commands and options.
 */
interface Dialect {
  /** The Fedora release that has the same language; 0 for Red Hat Linux. */
  fedora: number;
  isEnterprise: boolean;
}

function findDialect({ profile }: StockInput): Dialect {
  const { family, version } = profile;
  const [major = 0] = version;
  if (family === 'fedora') return { fedora: major, isEnterprise: false };
  if (family === 'fedora-core') return { fedora: Math.min(major, 6), isEnterprise: false };
  if (family === 'red-hat-linux') return { fedora: 0, isEnterprise: false };
  const era: Record<number, number> = { 3: 1, 4: 3, 5: 6, 6: 13, 7: 19, 8: 28, 9: 34 };
  return { fedora: isFrom(version, '10') ? 40 : (era[major] ?? 1), isEnterprise: true };
}

/** Writes a kickstart file for the smallest system that a cloud can use. https://pykickstart.readthedocs.io */
function writeKickstart(input: StockInput): string {
  const { template, user, diskLayout } = input;
  const { fedora, isEnterprise } = findDialect(input);
  // Fedora has `--activate` since 16. RHEL 6 has it too, although its language is otherwise between Fedora 12 and 13.
  const activates = fedora >= 16 || (isEnterprise && fedora === 13);
  const console = serialConsole(template.os.arch);
  return [
    ...(fedora < 29 ? ['install'] : []),
    'text',
    'lang en_US.UTF-8',
    ...writeOldAnswers(fedora, isEnterprise),
    'keyboard us',
    fedora < 18 ? 'timezone --utc Etc/UTC' : 'timezone Etc/UTC --utc',
    `network --bootproto=dhcp --device=${fedora >= 13 ? 'link' : 'eth0'}${activates ? ' --activate' : ''}`,
    writeRootPassword(template.os.rootpw, fedora),
    fedora < 11 ? 'firewall --disabled' : 'firewall --service=ssh',
    ...(fedora >= 3 ? ['selinux --enforcing'] : []),
    ...(fedora < 28 ? [`authconfig --enableshadow${fedora >= 10 ? ' --passalgo=sha512' : ' --enablemd5'}`] : []),
    ...(fedora >= 8 ? ['services --enabled=sshd'] : []),
    `bootloader --location=mbr --append="console=tty0 console=${console}"`,
    fedora < 7 ? 'zerombr yes' : 'zerombr',
    'clearpart --all --initlabel',
    ...writeDisk(diskLayout, fedora, template.os.arch),
    'poweroff',
    '',
    fedora < 31 ? '%packages --ignoremissing' : '%packages',
    fedora < 8 ? '@base' : '@core',
    'openssh-server',
    'curl',
    'sudo',
    'cloud-init',
    ...(fedora < 8 ? [] : ['%end']),
    '',
    '%post',
    // Remove the address of the network card of the installer's machine. With this address, an instance of the image
    // would not configure its own card.
    ...(fedora < 28 ? [HARDWARE_ADDRESSES] : []),
    ...(fedora < 28 ? [writeKeyService(user, 'rc.local')] : []),
    ...writeLastCommands(user),
    ...(fedora < 8 ? [] : ['%end']),
    '',
  ].join('\n');
}

/** Quotes a text for Python's shlex, which is no shell: only `"` and `\` are escaped. */
function quoteDouble(text: string): string {
  return `"${text.replace(/(["\\])/g, '\\$1')}"`;
}

/** Writes the command that sets root's password, or locks it when the template has none. */
function writeRootPassword(password: string | undefined, fedora: number): string {
  if (password === undefined || password === '') return fedora < 18 ? 'rootpw --iscrypted !!' : 'rootpw --lock';
  const quoted = /^[\w.,:/+=@%-]+$/.test(password) ? password : quoteDouble(password);
  return fedora < 10 ? `rootpw ${quoted}` : `rootpw --plaintext ${quoted}`;
}

/** Writes commands for the questions that an old anaconda asks when the kickstart file does not answer them. */
function writeOldAnswers(fedora: number, isEnterprise: boolean): string[] {
  return [
    ...(fedora < 5 ? ['langsupport --default=en_US.UTF-8 en_US.UTF-8', 'skipx'] : []),
    ...(fedora < 2 ? ['mouse generic3ps/2 --device psaux'] : []),
    // RHEL 5's installation number.
    ...(isEnterprise && fedora === 6 ? ['key --skip'] : []),
  ];
}

/**
 * Writes the partitions. Since Fedora 18 anaconda adds the boot partition itself.
 * @throws FactoryError InvalidParameter when the release cannot boot with UEFI
 */
function writeDisk(layout: DiskLayout, fedora: number, arch: Arch): string[] {
  if (layout === 'efi' && fedora < 12) {
    throw new FactoryError('InvalidParameter', 'parameter disk_layout: this release cannot boot with UEFI', {
      hint: 'write plain or lvm',
    });
  }
  if (layout === 'lvm') return ['autopart'];
  if (fedora >= 18) return [`autopart --type=plain${fedora >= 26 ? ' --nohome' : ''}`];
  const type = fedora < 11 ? 'ext3' : 'ext4';
  return [
    ...writeBootPartition(layout, fedora, arch),
    `part /boot --fstype=${type} --size=300`,
    'part swap --size=512',
    `part / --fstype=${type} --size=1024 --grow`,
  ];
}

/** Writes the partition that the machine's firmware boots from, when it needs one. */
function writeBootPartition(layout: DiskLayout, fedora: number, arch: Arch): string[] {
  if (arch === 'ppc64') return ['part prepboot --fstype="PPC PReP Boot" --size=8'];
  if (layout === 'efi') return ['part /boot/efi --fstype=efi --size=200'];
  const isPc = arch === 'x86_64' || arch === 'i386';
  return isPc && fedora >= 16 ? ['part biosboot --fstype=biosboot --size=1'] : [];
}
