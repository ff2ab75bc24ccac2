# Debian's netboot kernel and ramdisk, laid out as on a Debian mirror. Sourced by make.sh.
# shellcheck shell=bash

NETBOOT_PACKAGE=debian-installer-12-netboot-amd64

make_netboot() {
	local files target=$IMAGES/netboot/debian-installer/$ARCH
	files=$(unpacked "$NETBOOT_PACKAGE")/usr/lib/debian-installer/images/12/$ARCH/text/debian-installer/$ARCH
	mkdir -p "$target"
	cp -u "$files/linux" "$files/initrd.gz" "$target/"
	# As Debian publishes it, beside netboot/.
	(cd "$IMAGES" && find ./netboot -type f | LC_ALL=C sort | xargs sha256sum > SHA256SUMS)

	RAMDISK=$WORK/ramdisk
	if up_to_date "$RAMDISK.from" "$files"; then return; fi
	rm -rf "$RAMDISK"
	mkdir -p "$RAMDISK"
	(cd "$RAMDISK" && zcat "$files/initrd.gz" | cpio -id --quiet --no-absolute-filenames 2> /dev/null) || true
	[ -d "$RAMDISK/lib/modules" ] || fail "the ramdisk of $NETBOOT_PACKAGE has no modules"
	printf '%s\n' "$files" > "$RAMDISK.from"
}

# The kernel ABI that the ramdisk's modules are for, as 6.1.0-50-amd64.
kernel_abi() { basename "$(newest "$RAMDISK"/lib/modules/*)"; }
