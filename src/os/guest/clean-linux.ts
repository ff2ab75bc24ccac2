import { quoteWords } from './guest-scripts.js';

/**
 * Functions for the scripts that clean a guest, and for the shells that find(1) starts. Names of files are always
 * arguments: a name may contain a line break, so a list of lines would name other files.
 */
function buildTools(kept: readonly string[]): string {
  return `kept=${quoteWords([`\n${kept.join('\n')}\n`])}
is_kept() {
  case $kept in *"
$1
"*) return 0 ;; esac
  return 1
}
# Whether a file of the template is in /tmp or /var/tmp.
keeps_temporary() {
  case $kept in *"
/tmp/"* | *"
/var/tmp/"*) return 0 ;; esac
  return 1
}
drop() {
  for file in "$@"; do
    # No process for what is not there: in a slow guest, each costs a part of a second.
    [ -e "$file" ] || [ -L "$file" ] || continue
    is_kept "$file" || rm -rf -- "$file"
  done
}
# For many files that are there: one process for all.
drop_many() {
  some=
  for file in "$@"; do if is_kept "$file"; then some=yes; break; fi; done
  if [ -n "$some" ]; then
    for file in "$@"; do
      shift
      is_kept "$file" || set -- "$@" "$file"
    done
  fi
  [ "$#" -eq 0 ] || rm -f -- "$@"
}
# Not by the shell's ":", which ends the script when the file cannot be written.
empty() { for file in "$@"; do if [ -f "$file" ] && [ ! -L "$file" ] && ! is_kept "$file"; then true >"$file"; fi; done; }`;
}

/**
 * Shell functions that remove or empty files, except the files that the template has written. A missing file is not an
 * error; a file that cannot be removed is one. The functions are also in the file `$tools`, for {@link runOnFound}.
 */
export function keepTemplateFiles(kept: readonly string[]): string {
  return `tools=$(mktemp -d /run/imagefactory.XXXXXX 2>/dev/null || mktemp -d /var/run/imagefactory.XXXXXX) || exit 1
tools=$tools/functions
trap 'rm -rf -- "\${tools%/*}"' EXIT
printf '%s\\n' ${quoteWords([buildTools(kept)])} >"$tools"
. "$tools"`;
}

/** Builds find's action that calls one of the functions of {@link keepTemplateFiles} with many names at once. */
export function runOnFound(name: 'drop_many' | 'empty'): string {
  return `-exec sh -c '. "$0"; ${name} "$@"' "$tools" {} +`;
}

/** Removes what a lost connection has left of the template's files. Needs {@link keepTemplateFiles}. */
export const DROP_HALF_WRITTEN = `printf '%s\\n' "$kept" | while IFS= read -r file; do
  [ -n "$file" ] || continue
  if [ -L "$file" ]; then file=$(readlink -f -- "$file") || continue; fi
  for half in "\${file%/*}"/.imagefactory.??????; do [ ! -f "$half" ] || rm -f -- "$half"; done
done`;

/**
 * Defines `clear_temporary SECONDS TEST…`: it removes what is in `/tmp` and `/var/tmp` on the same file system, except
 * the template's files, and stops when the time is over. Without a test, it removes folders, too. Where it can, find
 * removes the files itself: this is the fastest way, and no program can lead it to another place by a link that it puts
 * in the place of a folder. Guests without timeout(1) have no limit. Needs {@link keepTemplateFiles}.
 */
export const CLEAR_TEMPORARY = `limited() { if timeout 1 true 2>/dev/null; then timeout "$@"; else shift; "$@"; fi; }
clear_temporary() {
  seconds=$1
  shift
  if ! keeps_temporary && find /dev/null -type d -delete 2>/dev/null; then
    limited "$seconds" find /tmp /var/tmp -xdev -depth -mindepth 1 "$@" -delete
  else
    limited "$seconds" find /tmp /var/tmp -xdev -mindepth 1 ! -type d "$@" ${runOnFound('drop_many')}
    [ "$#" -gt 0 ] || limited 15 find /tmp /var/tmp -xdev -depth -mindepth 1 -type d -exec rmdir {} +
  fi
} 2>/dev/null`;

/** Seconds for {@link CLEAR_TEMPORARY} in the step that cleans the guest, and at its shutdown. */
export const CLEAR_IN_STEP = 300;
export const CLEAR_AT_SHUTDOWN = 60;

/** A basic regular expression for the names that our instances have: see `resourceName` in src/domain/names.ts. */
export const OUR_NAME =
  'imagefactory-[a-z]*-[0-9a-f]\\{8\\}-[0-9a-f]\\{4\\}-[0-9a-f]\\{4\\}-[0-9a-f]\\{4\\}-[0-9a-f]\\{12\\}';

/** Replaces the name of our instance. A name that the template has set is not like ours, and stays. */
const FORGET_NAME = `name='${OUR_NAME}'
for file in /etc/hostname /etc/HOSTNAME /etc/mailname /etc/sysconfig/network; do
  if grep -q "$name" "$file" 2>/dev/null; then sed -i "s/$name[^[:space:]\\"']*/localhost/g" "$file"; fi
done
if grep -q "$name" /etc/hosts 2>/dev/null; then
  sed -i "/$name/{s/[[:space:]]$name[^[:space:]]*//g;/^[^[:space:]]*[[:space:]]*$/d;}" /etc/hosts
fi`;

/**
 * Removes the network configuration that cloud-init has written for this machine's card. cloud-init writes it anew in
 * each new instance, unless it is off or must leave the network alone: then its files stay, because nothing else would
 * configure the network.
 */
const FORGET_NETWORK = `if command -v cloud-init >/dev/null 2>&1 && [ ! -e /etc/cloud/cloud-init.disabled ] &&
  ! grep -rqsE '^[^#]*config: *.?disabled' /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d &&
  ! grep -qE '(cloud-init|network-config)=disabled' /proc/cmdline; then
  drop /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/network/interfaces.d/50-cloud-init.cfg
  drop /etc/systemd/network/10-cloud-init-*.network /etc/NetworkManager/system-connections/cloud-init-*.nmconnection
  drop /etc/udev/rules.d/85-persistent-net-cloud-init.rules
  for file in /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network/ifcfg-*; do
    if grep -qs '^# *Created by cloud-init' "$file"; then drop "$file"; fi
  done
fi
drop /etc/udev/rules.d/70-persistent-net.rules /etc/udev/rules.d/70-persistent-cd.rules
for file in /etc/sysconfig/network-scripts/ifcfg-e*; do
  if [ -f "$file" ] && ! is_kept "$file"; then sed -i '/^HWADDR=/d' "$file"; fi
done`;

/**
 * Shell commands that remove what belongs to this machine, except temporary files. They may run any number of times.
 */
function forgetMachine(kept: readonly string[]): string {
  return `${keepTemplateFiles(kept)}
${CLEAR_TEMPORARY}

drop /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
${FORGET_NAME}
${FORGET_NETWORK}

# Emptied, not removed: systemd makes a new one at each first boot only if the file is there. A link to it stays a link.
empty /etc/machine-id
if [ ! -L /var/lib/dbus/machine-id ]; then drop /var/lib/dbus/machine-id; fi
drop /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/random-seed /var/lib/misc/random-seed
drop /boot/loader/random-seed /boot/efi/loader/random-seed /efi/loader/random-seed
drop /var/lib/systemd/credential.secret /var/lib/systemd/coredump/*

drop /var/lib/dhcp/*.leases /var/lib/dhcp3/*.leases /var/lib/dhclient/*.lease* /var/lib/dhcpcd/*.lease /var/lib/dhcpcd5/*.lease
drop /var/lib/dhcpcd/duid /etc/dhcpcd.duid /var/lib/systemd/network/*
drop /var/lib/NetworkManager/*.lease /var/lib/NetworkManager/internal-*.conf /var/lib/NetworkManager/secret_key
drop /var/lib/NetworkManager/timestamps /var/lib/NetworkManager/seen-bssids

# Logs are emptied, not removed: services that run hold them open, and may not be able to make them anew.
if [ -d /var/log ]; then
  find /var/log -type f \\( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' -o -name '*-20[0-9]*' \\) ${runOnFound('drop_many')} || true
  drop /var/log/journal/*
  find /var/log -type f ${runOnFound('empty')} || true
fi
drop /var/log/installer /var/log/anaconda /root/anaconda-ks.cfg /root/original-ks.cfg /root/install.log /root/install.log.syslog
drop /var/lib/wtmpdb/wtmp.db* /var/lib/lastlog/lastlog2.db*
empty /var/mail/root /var/spool/mail/root

{ echo "/root"; { getent passwd || cat /etc/passwd; } 2>/dev/null | cut -d: -f6; } | sort -u | while read -r home; do
  drop "$home/.bash_history" "$home/.ash_history" "$home/.sh_history" "$home/.zsh_history" "$home/.lesshst"
  drop "$home/.viminfo" "$home/.python_history" "$home/.wget-hsts" "$home/.ssh/known_hosts" || true
done`;
}

/**
 * Shell commands that make cloud-init forget this instance. `cloud-init clean` would also remove the scripts that the
 * author of the template has put into cloud-init's folder, so they are somewhere else meanwhile.
 */
export const CLEAN_CLOUD_INIT = `scripts=/var/lib/cloud/scripts saved=/var/lib/cloud-scripts.imagefactory
if command -v cloud-init >/dev/null 2>&1; then
  if [ -d "$scripts" ] && [ ! -e "$saved" ]; then mv "$scripts" "$saved"; fi
  cloud-init clean --logs >/dev/null 2>&1 || true
  if [ -d "$saved" ]; then
    mkdir -p /var/lib/cloud
    rm -rf "$scripts"
    mv "$saved" "$scripts"
  fi
fi`;

/** Programs that work without being asked, and keep files in `/tmp` or `/var/tmp` meanwhile: their first 15 letters. */
const WORKERS = [
  'apt|apt-get|aptitude|dpkg|unattended-upgr|rpm|yum|dnf|dnf5|dnf-automatic|zypper|urpmi|packagekitd|dkms|cloud-init',
  'dracut|mkinitrd|mkinitramfs|update-initramf|depmod|grub-mkconfig|grub2-mkconfig',
].join('|');

/**
 * Builds a script that removes the identity of the machine on any Linux, and lets cloud-init run anew. A missing file
 * is not an error, so the script can run twice. A file that cannot be removed is an error. The script does not remove
 * the SSH host keys, nor the key that the build logs in with. sshd reads these keys for each connection, so the
 * shutdown script removes them last.
 *
 * @param kept paths of the template's files, which stay
 */
export function cleanLinux(kept: readonly string[]): string {
  return `set -eu
${CLEAN_CLOUD_INIT}
${forgetMachine(kept)}
${DROP_HALF_WRITTEN}
# As much as possible is removed here, because the shutdown has little time. Only files: sockets and folders may be in
# use. A package manager that works by itself may also use files, but younger ones only.
if [ ! -e /proc/self/comm ] || grep -qsxE '${WORKERS}' /proc/[0-9]*/comm; then
  clear_temporary ${CLEAR_IN_STEP} -type f -mmin +10 || true
else
  clear_temporary ${CLEAR_IN_STEP} -type f || true
fi`;
}

/** Files that the shutdown of a system without systemd writes, where one of its scripts names them. */
const WRITTEN_BY_INIT = '/var/lib/urandom/random-seed /var/lib/random-seed /var/lib/misc/random-seed /var/log/wtmp';

/**
 * Seconds that systemd gives the unit for its clean-up. Longer than {@link CLEAR_AT_SHUTDOWN}, and shorter than the
 * time until the build presses the power button: `choosePowerButtonTime` in src/activities/guest/shut-down-guest.ts.
 */
const UNIT_LIMIT = 100;

/**
 * Builds a script that runs when the guest is about to shut down: it lets the system remove once more what belongs to
 * the machine, after the last service has written.
 *
 * - With systemd: the journal goes to memory from now on. A unit that stops after all services removes the rest. The
 *   unit and the journal's setting are in /run, so nothing of them stays in the image. journald knows `journald.conf.d`
 *   since version 218; before that, a mount replaces its configuration file.
 * - With another init: the script stops the system log, and mounts files in memory over those that init writes last.
 *
 * Errors are ignored: the machine shuts down in any case.
 *
 * @param kept paths of the template's files, which stay
 */
export function cleanLinuxAtShutdown(kept: readonly string[]): string {
  const forget = `set +e
# systemd's limit, or a power button: what is done so far gets to the disk.
trap 'sync; exit 1' TERM
${forgetMachine(kept)}
if [ -f /etc/resolv.conf ] && [ ! -L /etc/resolv.conf ] &&
  grep -qiE 'generated by (networkmanager|/.*dhclient|.*resolvconf)|created by cloud-init' /etc/resolv.conf; then
  empty /etc/resolv.conf
fi
# The temporary files come last, because there may be many: if the time is over, only they stay.
sync
clear_temporary ${CLEAR_AT_SHUTDOWN}
sync`;
  return `forget=${quoteWords([forget])}
if [ -d /run/systemd/system ]; then
  own=/run/imagefactory-clean
  mkdir -p "$own" /run/systemd/journald.conf.d
  printf '%s\\n' "$forget" >"$own/script"
  printf '[Journal]\\nStorage=volatile\\n' | tee "$own/journald.conf" >/run/systemd/journald.conf.d/zz-imagefactory.conf
  version=$(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')
  if [ "\${version:-0}" -lt 218 ]; then mount --bind "$own/journald.conf" /etc/systemd/journald.conf; fi
  systemctl restart systemd-journald.service
  cat >/run/systemd/system/imagefactory-clean.service <<END
[Unit]
Description=Remove what belongs to this machine and not to the image
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target
Before=shutdown.target sysinit.target systemd-random-seed.service systemd-update-utmp.service auditd.service
Before=networking.service network.service systemd-networkd.service NetworkManager.service wickedd.service wicked.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh $own/script
TimeoutSec=${UNIT_LIMIT}
StandardOutput=null
StandardError=null
END
  systemctl daemon-reload
  systemctl start imagefactory-clean.service || sh "$own/script"
else
  for name in rsyslog syslog-ng sysklogd syslog klogd auditd; do
    if [ -e "/etc/init.d/$name" ] || [ -e "/etc/init/$name.conf" ]; then service "$name" stop || "/etc/init.d/$name" stop; fi
  done
  (eval "$forget")
  memory=$(mktemp -d /dev/shm/imagefactory.XXXXXX) && for file in ${WRITTEN_BY_INIT}; do
    grep -qs -- "$file" /etc/init.d/* /etc/rc.d/init.d/* /etc/rc.d/rc.sysinit || [ -e "$file" ] || continue
    replacement=$memory/$(echo "$file" | tr / _)
    if [ -e "$file" ]; then made=no; else made=yes; fi
    true >>"$file" && true >"$replacement" && mount --bind "$replacement" "$file" && continue
    [ "$made" = no ] || rm -f "$file"
  done
fi`;
}
