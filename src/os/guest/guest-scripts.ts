/**
 * Shell commands that wait until cloud-init has finished the first boot, because until then cloud-init holds the
 * package manager's locks and writes the repositories. The wait ends after five minutes at the latest. The exit status
 * of cloud-init is ignored: packages can often be installed even though one of its modules has failed.
 */
export const WAIT_FOR_CLOUD_INIT = `if command -v cloud-init >/dev/null 2>&1; then
  timeout 300 cloud-init status --wait >/dev/null 2>&1 || true
fi`;

/**
 * Defines the shell function `patiently PATTERN COMMAND…`: it runs a command and repeats it, for ten minutes at most,
 * while the command fails and prints a line that matches the pattern. The function prints the command's output and
 * returns its last exit status.
 */
export const WAIT_FOR_LOCK = `work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
patiently() {
  pattern=$1
  shift
  tries=60
  while :; do
    { "$@" 2>&1 && echo 0 >"$work/status" || echo "$?" >"$work/status"; } | tee "$work/output"
    read -r status <"$work/status"
    [ "$status" -ne 0 ] || return 0
    tries=$((tries - 1))
    if [ "$tries" -le 0 ] || ! grep -qE -- "$pattern" "$work/output"; then return "$status"; fi
    sleep 10
  done
}`;

/**
 * Defines the shell function `again COMMAND…`: it runs a command up to three times, ten seconds apart, until it
 * succeeds.
 */
export const RETRY = `again() {
  rounds=3
  until "$@"; do
    status=$?
    rounds=$((rounds - 1))
    [ "$rounds" -gt 0 ] || return "$status"
    sleep 10
  done
}`;

/** Quotes a text as one word of a POSIX shell. src/guest has the same function, but src/os must not import it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Quotes texts as words of a shell command. */
export function quoteWords(texts: readonly string[]): string {
  return texts.map(quote).join(' ');
}

/** Returns a command that writes a file. The file belongs to root, and every user can read it. */
export function writeFileCommand(path: string, content: string): string {
  return `umask 022\nprintf '%s' ${quote(content)} >${quote(path)}`;
}

/**
 * Escapes a repository's name for a file name: a space becomes `_`, any character other than letters, digits, `.`, `_`
 * and `-` becomes its hexadecimal code.
 */
export function escapeFileName(name: string): string {
  return name
    .replaceAll(' ', '_')
    .replace(/[^\w.-]/gu, (character) => `-${(character.codePointAt(0) ?? 0).toString(16)}`)
    .replace(/^\./, '-2e');
}

/**
 * Shell commands that remove the addresses of this machine's network cards from Red Hat's configuration. With these
 * addresses, the system would not configure the card of another machine.
 */
export const HARDWARE_ADDRESSES = `for file in /etc/sysconfig/network-scripts/ifcfg-e*; do
  if [ -f "$file" ]; then sed -i '/^HWADDR=/d' "$file"; fi
done
rm -f /etc/udev/rules.d/70-persistent-net.rules`;

/**
 * A script that removes the identity of the machine on any Linux. A missing file is not an error, so the script can run
 * twice. A file that cannot be removed is an error. The script does not remove the SSH host keys, nor the key that the
 * build logs in with. sshd reads these keys for each connection, so the shutdown script removes them last.
 */
export const CLEAN_LINUX = `set -eu
# Logs are emptied, not removed: services that run hold them open, and may not be able to make them anew.
empty() { for file in "$@"; do [ ! -f "$file" ] || : >"$file"; done; }

if command -v cloud-init >/dev/null 2>&1; then cloud-init clean --logs >/dev/null 2>&1 || true; fi
rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem

# Emptied, not removed: systemd makes a new one at each first boot only if the file is there. A link to it stays a link.
if [ -f /etc/machine-id ]; then : >/etc/machine-id; fi
if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then rm -f /var/lib/dbus/machine-id; fi
rm -f /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/random-seed /var/lib/systemd/credential.secret

rm -f /var/lib/dhcp/*.leases /var/lib/dhcp3/*.leases /var/lib/dhclient/*.lease* /var/lib/dhcpcd/*.lease /var/lib/dhcpcd5/*.lease
rm -f /var/lib/NetworkManager/*.lease /var/lib/NetworkManager/internal-*.conf /var/lib/NetworkManager/secret_key
rm -f /var/lib/NetworkManager/timestamps /var/lib/NetworkManager/seen-bssids
${HARDWARE_ADDRESSES}
rm -f /etc/udev/rules.d/70-persistent-cd.rules

if [ -d /var/log ]; then
  find /var/log -type f \\( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' -o -name '*-20[0-9]*' \\) -delete || true
  rm -rf /var/log/journal/*
  find /var/log -type f -exec sh -c 'for file in "$@"; do : >"$file"; done' sh {} + || true
fi
rm -rf /var/log/installer /var/log/anaconda /root/anaconda-ks.cfg /root/original-ks.cfg /root/install.log /root/install.log.syslog
rm -rf /tmp/ks-script-* /var/tmp/dnf-* /var/tmp/yum-*
# Younger files may be in use, by whoever is still at work.
find /tmp /var/tmp -xdev \\( -type f -o -type l \\) -mmin +10 -delete 2>/dev/null || true
empty /var/mail/root /var/spool/mail/root

{ echo "/root"; { getent passwd || cat /etc/passwd; } 2>/dev/null | cut -d: -f6; } | sort -u | while read -r home; do
  rm -f -- "$home/.bash_history" "$home/.ash_history" "$home/.sh_history" "$home/.zsh_history" "$home/.lesshst"
  rm -f -- "$home/.viminfo" "$home/.python_history" "$home/.wget-hsts" "$home/.ssh/known_hosts" || true
done`;
