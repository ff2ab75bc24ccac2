import { quoteWords } from './guest-scripts.js';

/** What the root file system is for: a container, or a distribution of WSL. */
export type RootPurpose = 'container' | 'wsl';

export interface RootTarRequest {
  purpose: RootPurpose;
  /** Name of the system: that of the template. */
  name: string;
  /** The build's key: the base64 field of its line in `authorized_keys`. */
  blob: string;
  /** Folder of the guest's journal. */
  journal: string;
  /** Paths of the template's files, which stay as they are. */
  kept: readonly string[];
}

/** The beginning of the line that {@link buildRootTarScript}'s script writes to its standard error at last. */
const MARK = 'imagefactory-root:';

/** Folders whose content stays out: the kernel's and its boot loader's, what only exists while it runs, and caches. */
const EMPTIED = [
  ...['./boot', './efi', './lib/modules', './usr/lib/modules', './lib/firmware', './usr/lib/firmware'],
  ...['./proc', './sys', './dev', './run', './tmp', './var/tmp', './mnt', './media', './lost+found', './.snapshots'],
  ...['./var/log/journal', './var/lib/cloud', './var/cache/apt/archives', './var/lib/dhcp', './var/lib/dhclient'],
].map((folder) => `${folder}/*`);
/** Files that stay out. Containers and WSL write a `resolv.conf` of their own. */
const LEFT_OUT = [
  ...['./vmlinuz*', './initrd.img*', './etc/fstab', './etc/crypttab', './etc/resolv.conf', './etc/hostname'],
  ...['./etc/ssh/ssh_host_*', './etc/udev/rules.d/70-persistent-*', './var/lib/systemd/random-seed'],
  ...['./var/run/imagefactory*', './etc/netplan/50-cloud-init.yaml'],
];

/** Writes the files that the purpose needs. Files that the template has written stay. */
function addOwnFiles({ purpose, name }: RootTarRequest): string {
  if (purpose === 'container') {
    // Nothing starts cloud-init in a container, unless an init system runs in it.
    return `if [ -d /etc/cloud ]; then add /etc/cloud/cloud-init.disabled ''; fi`;
  }
  const cloud = 'datasource_list: [ WSL, None ]\nnetwork: {config: disabled}\n';
  return `add /etc/wsl-distribution.conf ${quoteWords([`[oobe]\ndefaultName = ${name}\n`])}
if [ -d /run/systemd/system ]; then add /etc/wsl.conf ${quoteWords(['[boot]\nsystemd = true\n'])}; fi
if [ -d /etc/cloud/cloud.cfg.d ]; then add /etc/cloud/cloud.cfg.d/99-imagefactory-wsl.cfg ${quoteWords([cloud])}; fi`;
}

/**
 * Builds a script for a Linux guest that writes a tar of its root file system to its standard output. It changes no
 * file of the guest, so it can run again after a lost connection. What must differ is left out, and added once more
 * from a folder in memory. The last line on its standard error says what was sent: {@link readRootClaims}.
 *
 * The kernel's file systems, and those of other disks that are mounted, are told apart by `/proc/mounts`: Btrfs and
 * separate disks may have `/var` and `/home` on a file system of their own.
 */
export function buildRootTarScript(request: RootTarRequest): string {
  const { blob, journal, kept } = request;
  return `set -eu
umask 022
LC_ALL=C
export LC_ALL
fail() { echo "$1" >&2; exit 1; }
help=$(tar --help 2>/dev/null) || help=
program=$(tar --version 2>/dev/null | head -n 1) || program=
case $program in *'GNU tar'*) ;; *) fail 'the guest has no GNU tar' ;; esac
command -v sha256sum >/dev/null || fail 'the guest has no sha256sum'
work=$(mktemp -d /run/imagefactory-root.XXXXXX 2>/dev/null || mktemp -d /var/run/imagefactory-root.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$work/tree"
: >"$work/left-out"
: >"$work/added"
echo . >"$work/roots"
kept=${quoteWords([`\n${kept.join('\n')}\n`])}
is_kept() {
  case $kept in *"
$1
"*) return 0 ;; esac
  return 1
}
leave_out() { printf '.%s\\n' "$1" >>"$work/left-out"; }
# Makes an empty copy of a file, with the same owner and mode, that replaces it in the tar.
replace() {
  leave_out "$1"
  mkdir -p "$work/tree/.new\${1%/*}"
  cp -p -- "$1" "$work/tree/.new$1"
  true >"$work/tree/.new$1"
  printf '.new%s\\n' "$1" >>"$work/added"
}
# Adds a file that the guest does not have.
add() {
  if [ -e "$1" ] || [ -L "$1" ]; then return 0; fi
  mkdir -p "$work/tree/.new\${1%/*}"
  printf '%s' "$2" >"$work/tree/.new$1"
  printf '.new%s\\n' "$1" >>"$work/added"
}

# What belongs to the machine, and what the build has left.
if [ -f /etc/machine-id ] && [ ! -L /etc/machine-id ]; then replace /etc/machine-id; fi
if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then leave_out /var/lib/dbus/machine-id; fi
leave_out ${quoteWords([journal])}
blob=${quoteWords([blob])}
{ echo /root; { getent passwd || cat /etc/passwd; } 2>/dev/null | cut -d: -f6; } | sort -u | while IFS= read -r home; do
  for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
    grep -qF -- "$blob" "$file" 2>/dev/null || continue
    file=$(readlink -f -- "$file")
    rest=$(grep -vF -- "$blob" "$file") || { leave_out "$file"; continue; }
    replace "$file"
    printf '%s\\n' "$rest" >"$work/tree/.new$file"
  done
done
# The logs were emptied before: since then, they tell of the build's logins.
find /var/log -xdev -type f -size +0 ! -path '/var/log/journal/*' 2>/dev/null | while IFS= read -r file; do
  is_kept "$file" || replace "$file"
done
while read -r file type rest; do
  if [ "$type" = file ]; then leave_out "$file"; fi
done </proc/swaps 2>/dev/null || true
${addOwnFiles(request)}

# File systems of disks that are mounted below the root. Others, such as those of the kernel, stay out.
while read -r device point type rest; do
  case $device in /dev/*) ;; *) continue ;; esac
  case $type in iso9660 | squashfs | vfat) continue ;; esac
  case $point in
    / | /boot | /boot/* | /efi | /efi/* | /dev/* | /proc/* | /sys/* | /run/* | /tmp | /var/tmp | /mnt/* | /media/*) continue ;;
    /.snapshots | /snap/* | /var/lib/docker/* | /var/lib/containers/* | /etc/*) continue ;;
  esac
  # /proc/mounts has blanks as \\040, and printf as \\0040.
  if [ -d "$point" ]; then printf '.%b\\n' "$(printf '%s' "$point" | sed 's/\\\\\\([0-7]\\)/\\\\0\\1/g')"; fi
done </proc/mounts | sort -u >>"$work/roots"
# Devices and sockets: a container's manager makes its own.
while IFS= read -r root; do
  find "/$root" -xdev '(' -type b -o -type c -o -type s ')' 2>/dev/null | sed 's,^/\\./*,./,'
done <"$work/roots" >>"$work/left-out"

set -- --create --file=- --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime,delete=mtime
set -- "$@" --numeric-owner --one-file-system --transform='s,^\\.new/,./,'
for option in --sort=name --xattrs --acls; do
  case $help in *"\${option%%=*}"*) set -- "$@" "$option" ;; esac
done
set -- "$@" --anchored --no-wildcards --exclude-from="$work/left-out" --wildcards
set -f
for pattern in ${quoteWords([...EMPTIED, ...LEFT_OUT])}; do set -- "$@" "--exclude=$pattern"; done
set -- "$@" --directory=/ --files-from="$work/roots" --directory="$work/tree" --files-from="$work/added"

# The guest counts and digests what it sends, so that the worker can compare.
mkfifo "$work/copy" "$work/list"
sha256sum <"$work/copy" >"$work/sum" &
sum=$!
wc -l <"$work/list" >"$work/entries" &
entries=$!
{
  status=0
  # Opened here too, so that the counter ends even if tar does not begin.
  exec 3>"$work/list"
  tar "$@" --verbose --index-file="$work/list" || status=$?
  exec 3>&-
  echo "$status" >"$work/status"
} | tee "$work/copy"
wait "$sum"
wait "$entries"
read -r status <"$work/status"
# 1: a file changed while it was read.
[ "$status" -le 1 ] || fail "tar ended with exit status $status"
echo "${MARK} $(cat "$work/entries") $(cut -c 1-64 "$work/sum") $program" >&2
`;
}

/** What the script says about the tar that it has written. */
export interface RootTarClaims {
  entries: number;
  sha256: string;
  /** The program that wrote the tar: `tar (GNU tar) 1.34`. */
  program: string;
  /** Files that changed while they were read. */
  changed: string[];
}

/** Reads what the script of {@link buildRootTarScript} has said. Returns undefined when it did not come to its end. */
export function readRootClaims(stderr: string): RootTarClaims | undefined {
  const [, entries, sha256, program] = new RegExp(`^${MARK} *(\\d+) ([0-9a-f]{64}) (.+)$`, 'm').exec(stderr) ?? [];
  if (entries === undefined || sha256 === undefined || program === undefined) return undefined;
  const changed = [...stderr.matchAll(/^tar: (.+): file changed as we read it$/gm)].map(([, name]) => String(name));
  return { entries: Number(entries), sha256, program, changed };
}
