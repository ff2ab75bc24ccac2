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
