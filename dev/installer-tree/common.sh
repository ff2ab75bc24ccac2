# Paths and helpers that the scripts of this folder share. Sourced by bash.
# shellcheck shell=bash

SUITE=bookworm                      # the Debian release that is installed
COMPONENTS_SUITE=imagefactory       # the suite of our installer components
ARCH=amd64

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$HERE/../.." && pwd)
CACHE=$PROJECT/.cache/installer-tree
TREE=$CACHE/tree                    # what the mirror serves
WORK=$CACHE/work                    # intermediate files, kept so that nothing is made twice
IMAGES=$TREE/debian/dists/$SUITE/main/installer-$ARCH/current/images
POOL=$TREE/debian/pool/$COMPONENTS_SUITE
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'installer-tree: %s\n' "$*" >&2; }
fail() {
	say "$*"
	exit 1
}

# newest PATTERN...: the last of the files that match, in version order.
newest() {
	local found
	found=$(printf '%s\n' "$@" | sort -V | tail -n 1)
	[ -e "$found" ] || fail "no file $*"
	printf '%s\n' "$found"
}

# up_to_date STAMP TEXT: whether the step that wrote STAMP was made from TEXT.
up_to_date() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# The sources list of the release, through our own mirror (MIRROR: its base URL), so that nothing is downloaded twice.
sources_list() {
	printf 'deb [signed-by=%s] %s main\n' \
		"$KEYRING" "$MIRROR/debian $SUITE" \
		"$KEYRING" "$MIRROR/debian $SUITE-updates" \
		"$KEYRING" "$MIRROR/debian-security $SUITE-security"
}

# private_apt COMMAND...: apt-get with a state of its own: this machine's apt may know another release, or none.
private_apt() {
	local state=$WORK/apt
	mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial"
	touch "$state/status"
	sources_list > "$state/sources.list"
	apt-get -q -q -o "Dir::State=$state/state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" \
		-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o "APT::Architecture=$ARCH" -o APT::Architectures::="$ARCH" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

# unpacked PACKAGE: downloads a package (its candidate version) and prints the folder of its files.
unpacked() {
	local folder=$WORK/packages file
	mkdir -p "$folder"
	(cd "$folder" && private_apt download "$1" >&2) || fail "cannot download the package $1"
	file=$(newest "$folder/$1"_*.deb)
	if [ ! -d "${file%.deb}" ]; then
		dpkg-deb -x "$file" "${file%.deb}.part"
		mv "${file%.deb}.part" "${file%.deb}"
	fi
	printf '%s\n' "${file%.deb}"
}
