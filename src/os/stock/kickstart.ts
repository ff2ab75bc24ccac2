import { isFrom } from '../versions.js';
import { KEY_AT_BOOT, lastCommands } from './shell.js';
import type { DiskLayout, StockInput } from './types.js';

/** What a release's kickstart language has. Enterprise releases are Fedoras of some years before. */
interface Dialect {
  /** Fedora release that it corresponds to. */
  fedora: number;
}

function dialectOf({ profile }: StockInput): Dialect {
  const { family, version } = profile;
  const [major = 0] = version;
  if (family === 'fedora') return { fedora: major };
  if (family === 'fedora-core' || family === 'red-hat-linux') return { fedora: Math.min(major, 6) };
  const era: Record<number, number> = { 3: 1, 4: 3, 5: 6, 6: 13, 7: 19, 8: 28, 9: 34 };
  return { fedora: isFrom(version, '10') ? 40 : (era[major] ?? 1) };
}

/** A kickstart for the smallest system that a cloud can use. https://pykickstart.readthedocs.io */
export function stockKickstart(input: StockInput): string {
  const { template, user, diskLayout } = input;
  const { fedora } = dialectOf(input);
  const console = template.os.arch === 'aarch64' ? 'ttyAMA0' : 'ttyS0,115200n8';
  return [
    ...(fedora < 34 ? ['install'] : []),
    'text',
    'lang en_US.UTF-8',
    'keyboard us',
    fedora < 18 ? 'timezone --utc Etc/UTC' : 'timezone Etc/UTC --utc',
    `network --bootproto=dhcp${fedora >= 13 ? ' --device=link --activate' : ' --device=eth0'}`,
    rootPassword(template.os.rootpw, fedora),
    fedora < 11 ? 'firewall --disabled' : 'firewall --service=ssh',
    'selinux --enforcing',
    ...(fedora < 28 ? [`authconfig --enableshadow${fedora >= 10 ? ' --passalgo=sha512' : ' --enablemd5'}`] : []),
    ...(fedora >= 8 ? ['services --enabled=sshd'] : []),
    `bootloader --location=mbr --append="console=tty0 console=${console}"`,
    fedora < 10 ? 'zerombr yes' : 'zerombr',
    'clearpart --all --initlabel',
    ...disk(diskLayout, fedora),
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
    ...(fedora < 28 ? [KEY_AT_BOOT] : []),
    ...lastCommands(user),
    ...(fedora < 8 ? [] : ['%end']),
    '',
  ].join('\n');
}

/** A text in double quotes, as kickstart and shells have it. */
export function doubleQuoted(text: string): string {
  return `"${text.replace(/(["\\$`])/g, '\\$1')}"`;
}

/** Without a password root's is locked. */
function rootPassword(password: string | undefined, fedora: number): string {
  if (password === undefined || password === '') return fedora < 13 ? 'rootpw --iscrypted !!' : 'rootpw --lock';
  const quoted = /^[\w.,:/+=@%-]+$/.test(password) ? password : doubleQuoted(password);
  return fedora < 10 ? `rootpw ${quoted}` : `rootpw --plaintext ${quoted}`;
}

/** anaconda knows by itself what its machine boots from since Fedora 18; before, machines had a BIOS. */
function disk(layout: DiskLayout, fedora: number): string[] {
  if (layout === 'lvm') return ['autopart'];
  if (fedora >= 18) return [`autopart --type=plain${fedora >= 26 ? ' --nohome' : ''}`];
  const type = fedora < 11 ? 'ext3' : 'ext4';
  return [
    ...(fedora >= 16 ? ['part biosboot --fstype=biosboot --size=1'] : []),
    `part /boot --fstype=${type} --size=300`,
    'part swap --size=512',
    `part / --fstype=${type} --size=1024 --grow`,
  ];
}
