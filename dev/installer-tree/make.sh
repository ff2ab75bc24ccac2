#!/bin/bash
# Makes the install tree of the demo and of the end-to-end test under .cache/installer-tree. Run as root on Debian or
# Ubuntu; what is up to date is left alone. With --fresh everything is made anew (newer packages); what was downloaded stays.
# With --netboot only Debian's kernel and ramdisk are laid out.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$HERE/netboot.sh"
. "$HERE/system.sh"
. "$HERE/components.sh"

[ "$(id -u)" = 0 ] || fail "must be run as root: the root file system is made in a chroot"
# One run at a time; the other waits and then finds the tree made.
mkdir -p "$CACHE"
exec 9> "$CACHE/lock"
flock 9
[ "${1:-}" != --fresh ] || rm -rf "$TREE" "$WORK" "$CACHE/made"
mkdir -p "$TREE" "$WORK" "$POOL"

# apt is asked for tools only where one is missing.
install_tools() {
	local tool missing=()
	for tool in mmdebstrap:mmdebstrap cpio:cpio lz4:lz4 mkfs.ext4:e2fsprogs zstd:zstd modinfo:kmod; do
		PATH=$PATH:/usr/sbin:/sbin command -v "${tool%%:*}" > /dev/null || missing+=("${tool##*:}")
	done
	[ -e "$KEYRING" ] || missing+=(debian-archive-keyring)
	[ ${#missing[@]} = 0 ] && return
	say "installing ${missing[*]}"
	{ apt-get -q -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -q install -y --no-install-recommends "${missing[@]}"; } > /dev/null
}

# Our mirror on a free port of this machine, for as long as this script runs.
start_mirror() {
	local out=$WORK/mirror.out
	: > "$out"
	(cd "$PROJECT" && exec node --import tsx dev/installer-tree/serve.ts --port 0 --quiet) 9>&- > "$out" 2> "$WORK/mirror.err" &
	mirror_pid=$!
	trap 'kill "$mirror_pid" 2> /dev/null || true' EXIT
	for _ in $(seq 150); do
		MIRROR=$(head -n 1 "$out")
		[ -z "$MIRROR" ] || return 0
		kill -0 "$mirror_pid" 2> /dev/null || fail "the mirror did not start: $(cat "$WORK/mirror.err")"
		sleep 0.2
	done
	fail "the mirror did not start within 30 s"
}

install_tools
# Everything that shapes the tree; a change of it makes the tree anew.
inputs=$(cd "$HERE" && find . -name '*.sh' -o -path './component/*' -type f -o -path './system/*' -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)
if [ "${1:-}" = --netboot ] && [ -e "$IMAGES/SHA256SUMS" ]; then exit 0; fi
if up_to_date "$CACHE/made" "$inputs" && [ -e "$POOL/system.ext4.lz4" ]; then
	say "the tree in $TREE is up to date"
	exit 0
fi
start_mirror
private_apt update || fail "cannot read the package lists of $SUITE"
make_netboot
[ "${1:-}" != --netboot ] || exit 0
make_system
make_components
printf '%s\n' "$inputs" > "$CACHE/made"
say "the tree is in $TREE"
