import { words } from '../../guest/guest-scripts.js';
import { serialConsole } from '../../installer/installer-plan.js';
import { isFrom } from '../../versions.js';
import { keyAtBoot, letIn } from './shell.js';
import { INSTALLED, type StockInput } from './types.js';

/** A preseed for the smallest system that a cloud can use. https://www.debian.org/releases/stable/amd64/apb */
export function stockPreseed({ template, profile, diskLayout, user }: StockInput): string {
  const { install, rootpw } = template.os;
  const ubuntu = profile.family === 'ubuntu';
  const { cloudInit, growpart } = cloudPackages(profile);
  const script = cloudInit ? letIn(user) : oneLine(`${keyAtBoot(user, 'init.d')}\n${letIn(user)}`);
  const mirror = mirrorOf(install.type === 'url' ? install.url : '');
  return [
    'd-i debian-installer/locale string en_US.UTF-8',
    'd-i keyboard-configuration/xkb-keymap select us',
    'd-i console-setup/ask_detect boolean false',
    ...mirror,
    'd-i clock-setup/utc boolean true',
    'd-i time/zone string Etc/UTC',
    ...passwords(rootpw),
    ...(ubuntu ? ['d-i user-setup/encrypt-home boolean false', 'd-i pkgsel/update-policy select none'] : []),
    'd-i hw-detect/load_firmware boolean false',
    `d-i partman-auto/method string ${diskLayout === 'lvm' ? 'lvm' : 'regular'}`,
    ...(diskLayout === 'lvm'
      ? [
          'd-i partman-auto-lvm/guided_size string max',
          'd-i partman-lvm/device_remove_lvm boolean true',
          'd-i partman-lvm/confirm boolean true',
          'd-i partman-lvm/confirm_nooverwrite boolean true',
        ]
      : []),
    ...(diskLayout === 'efi'
      ? [
          'd-i partman-efi/non_efi_system boolean true',
          'd-i partman-partitioning/choose_label select gpt',
          'd-i partman/default_label string gpt',
        ]
      : []),
    'd-i partman-auto/choose_recipe select atomic',
    'd-i partman-partitioning/confirm_write_new_label boolean true',
    'd-i partman/choose_partition select finish',
    'd-i partman/confirm boolean true',
    'd-i partman/confirm_nooverwrite boolean true',
    'd-i grub-installer/only_debian boolean true',
    'd-i grub-installer/bootdev string default',
    `d-i debian-installer/add-kernel-opts string console=${serialConsole(template.os.arch)}`,
    'popularity-contest popularity-contest/participate boolean false',
    'tasksel tasksel/first multiselect',
    `d-i pkgsel/include string openssh-server sudo${cloudInit ? ' cloud-init' : ''}${growpart ? ' cloud-guest-utils' : ''}`,
    `d-i preseed/late_command string in-target sh -c ${words([script])} && echo ${INSTALLED} >/dev/console`,
    'd-i finish-install/reboot_in_progress note',
    'd-i cdrom-detect/eject boolean false',
    'd-i debian-installer/exit/poweroff boolean true',
    '',
  ].join('\n');
}

/** What of cloud-init a release has; pkgsel installs nothing where one of its packages is unknown. */
function cloudPackages({ family, version }: StockInput['profile']): { cloudInit: boolean; growpart: boolean } {
  if (family !== 'ubuntu') return { cloudInit: isFrom(version, '8'), growpart: isFrom(version, '8') };
  return { cloudInit: isFrom(version, '10.04'), growpart: isFrom(version, '13.04') };
}

/** A script as a command in one line, because a preseed's answers have no others. */
function oneLine(script: string): string {
  return `printf %b ${words([script.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')])} | sh`;
}

/**
 * Without a password no password is root's, and no other user is made: cloud-init makes its own. Written as Debian's base-passwd
 * writes it: after `!` the installer’s user-setup asks for one all the same (user-setup-ask, state 1).
 */
function passwords(rootpw: string | undefined): string[] {
  const none = rootpw === undefined || rootpw === '';
  return [
    'd-i passwd/root-login boolean true',
    'd-i passwd/make-user boolean false',
    ...(none
      ? ['d-i passwd/root-password-crypted password *']
      : [`d-i passwd/root-password password ${rootpw}`, `d-i passwd/root-password-again password ${rootpw}`]),
  ];
}

/** The archive that the install tree lies in: what stands before `/dists/` in its address. */
function mirrorOf(url: string): string[] {
  const match = /^(https?):\/\/(?:[^/@]*@)?([^/]+)(\/.*?)?\/dists\/([^/]+)\//.exec(url);
  if (match === null) return [];
  const [, protocol = 'http', host = '', directory = '/', suite = ''] = match;
  return [
    'd-i mirror/country string manual',
    `d-i mirror/protocol string ${protocol}`,
    `d-i mirror/${protocol}/hostname string ${host}`,
    `d-i mirror/${protocol}/directory string ${directory}`,
    `d-i mirror/${protocol}/proxy string`,
    `d-i mirror/suite string ${suite.replace(/-(updates|security|proposed)$/, '')}`,
  ];
}
