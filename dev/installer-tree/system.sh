# The root file system that our component unpacks: Debian 12 from Debian's packages, as a compressed ext4 image.
# Sourced by make.sh.
# shellcheck shell=bash

SYSTEM_PACKAGES=linux-image-cloud-amd64,initramfs-tools,lz4,grub-pc,systemd-sysv,systemd-resolved,udev,dbus,netbase,iproute2
SYSTEM_PACKAGES+=,openssh-server,cloud-init,cloud-guest-utils,sudo,ca-certificates,python3,e2fsprogs,fdisk,less
# Free space in the image, in MiB; the component grows the file system to the disk.
SYSTEM_SPARE_MIB=48

make_system() {
	local root=$WORK/system image=$WORK/system.ext4 inputs
	inputs=$(cd "$HERE" && find common.sh system.sh system -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)
	if up_to_date "$POOL/.system" "$inputs" && [ -e "$POOL/system.ext4.lz4" ]; then return; fi
	SYSTEM_UUID=$(cat /proc/sys/kernel/random/uuid)

	say "making the root file system (a minute or two)"
	rm -rf "$root"
	# Documentation and translations are left out, as in Debian's slim images. The package lists stay.
	mmdebstrap --quiet --mode=root --variant=minbase --architectures="$ARCH" --include="$SYSTEM_PACKAGES" \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--essential-hook="mkdir -p \"\$1/etc/initramfs-tools/conf.d\" && echo COMPRESS=lz4 > \"\$1/etc/initramfs-tools/conf.d/compress\"" \
		--skip=cleanup/apt/lists "$SUITE" "$root" - <<< "$(sources_list)" 2> "$WORK/mmdebstrap.log" ||
		fail "mmdebstrap failed: $(tail -n 5 "$WORK/mmdebstrap.log")"
	configure_system "$root"

	local used_kib
	used_kib=$(du -sk "$root" | cut -f1)
	rm -f "$image"
	# The features are those that GRUB 2.06 of Debian 12 can read, whatever this machine's mke2fs would choose.
	mkfs.ext4 -q -F -U "$SYSTEM_UUID" -L root -O '^orphan_file,^metadata_csum_seed' -m 1 -i 12288 -J size=16 -d "$root" \
		"$image" "$((used_kib + used_kib / 12 + SYSTEM_SPARE_MIB * 1024))k" > /dev/null
	lz4 -q -f -9 --content-size "$image" "$POOL/system.ext4.lz4.part"
	mv "$POOL/system.ext4.lz4.part" "$POOL/system.ext4.lz4"
	printf '%s\n' "$inputs" > "$POOL/.system"
	say "root file system: $((used_kib / 1024)) MiB of files, $(($(stat -c %s "$POOL/system.ext4.lz4") >> 20)) MiB compressed"
	rm -rf "$image"
}

# Makes the unpacked packages the system that is installed. $1: its root.
configure_system() {
	local root=$1 file name
	cp -R "$HERE/system/." "$root/"
	chmod 0755 "$root" "$root/etc"
	printf 'UUID=%s / ext4 defaults,errors=remount-ro 0 1\n' "$SYSTEM_UUID" > "$root/etc/fstab"
	ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
	chroot "$root" systemctl --quiet enable systemd-networkd.service systemd-resolved.service ssh.service
	# Looks for snapshots of LVM at each boot; there is no LVM.
	chroot "$root" systemctl --quiet disable e2scrub_reap.service
	chroot "$root" debconf-set-selections <<< 'grub-pc grub-pc/install_devices multiselect /dev/vda'
	configure_grub "$root"
	# What each machine must have of its own.
	: > "$root/etc/machine-id"
	rm -f "$root/var/lib/dbus/machine-id" "$root"/etc/ssh/ssh_host_*_key* "$root/var/lib/systemd/random-seed" "$root/etc/hostname"
	rm -rf "$root/var/log"/*.log "$root/var/log/apt" "$root/var/cache/apt"/*.bin "$root/var/cache/debconf"/*-old "$root/tmp"/* "$root/run"/*
	# The lists get the name of the mirror that the preseed names when the component writes sources.list.
	for file in "$root/var/lib/apt/lists"/*_dists_*; do
		name=${file##*/}
		mv "$file" "${file%/*}/MIRROR_${name#*_}"
	done
}

# GRUB for a BIOS, made with the system's own grub-mkimage. What grub-install writes to the disk, the component writes.
# $1: the system's root.
configure_grub() {
	local root=$1 modules=usr/lib/grub/i386-pc boot=$1/boot/grub/i386-pc kernel
	mkdir -p "$boot"
	cp "$root/$modules"/*.mod "$root/$modules"/*.lst "$root/$modules/boot.img" "$boot/"
	chroot "$root" grub-mkimage -O i386-pc -o /boot/grub/i386-pc/core.img -p '(,msdos1)/boot/grub' biosdisk part_msdos ext2
	kernel=$(newest "$root"/boot/vmlinuz-*)
	kernel=${kernel##*/vmlinuz-}
	cat > "$root/boot/grub/grub.cfg" <<- END
		# Written when the image was made; the next update-grub writes it anew from /etc/default/grub.
		serial --unit=0 --speed=115200
		terminal_input console serial
		terminal_output console serial
		set timeout=0
		search --no-floppy --fs-uuid --set=root $SYSTEM_UUID
		menuentry 'Debian GNU/Linux' {
			linux /boot/vmlinuz-$kernel root=UUID=$SYSTEM_UUID ro @PARAMETERS@
			initrd /boot/initrd.img-$kernel
		}
	END
}
