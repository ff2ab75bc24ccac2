# The suite of installer components (udebs) that Debian's ramdisk loads. Sourced by make.sh, after netboot.sh and system.sh.
# shellcheck shell=bash

# What the component needs of the installer's kernel, besides what the ramdisk has. virtio_blk and virtio_scsi: the disk;
# ahci and ata_piix: the disk of a machine without virtio.
INSTALLER_MODULES='virtio_blk virtio_scsi sd_mod ahci ata_piix ext4'

make_components() {
	local abi
	abi=$(kernel_abi)
	say "making the installer components for kernel $abi"
	rm -f "$POOL"/*.udeb
	rm -rf "$WORK/udeb"
	: > "$WORK/Packages"
	make_modules_udeb "$abi"
	make_tools_udeb
	make_system_udeb "$abi"
	make_suite_index
}

# Modules of the plain kernel package: the ramdisk's kernel is the same build.
make_modules_udeb() {
	local abi=$1 kernel folder=$WORK/udeb/modules name path
	kernel=$(unpacked "linux-image-$abi")
	mkdir -p "$folder/lib/modules/$abi" "$folder/usr/share/imagefactory"
	load_order "$kernel" "$abi" | while read -r name path; do
		if [ "$path" = ramdisk ]; then
			echo "modprobe -q $name"
		else
			mkdir -p "$folder/lib/modules/$abi/$(dirname "$path")"
			cp "$kernel/lib/modules/$abi/$path" "$folder/lib/modules/$abi/$path"
			echo "insmod /lib/modules/$abi/$path"
		fi
	done > "$folder/usr/share/imagefactory/load-modules"
	build_udeb "$folder" "imagefactory-modules-$abi-di" 'kernel modules for the disk and ext4' "Kernel-Version: $abi"
}

# Prints "name path" of each module in the order in which they can be inserted; path is "ramdisk" for one that is there.
load_order() {
	local kernel=$1 abi=$2
	declare -A path_of=() done_with=()
	local file
	while read -r file; do
		path_of[$(basename "$file" .ko | tr - _)]=$file
	done < <(cd "$kernel/lib/modules/$abi" && find kernel -name '*.ko')
	visit() {
		local name=${1//-/_} needed
		[ -z "${done_with[$name]:-}" ] || return 0
		done_with[$name]=1
		local path=${path_of[$name]:-}
		[ -n "$path" ] || fail "the kernel package has no module $name"
		if [ -e "$RAMDISK/lib/modules/$abi/$path" ]; then
			echo "$name ramdisk"
			return 0
		fi
		for needed in $(/sbin/modinfo -F depends "$kernel/lib/modules/$abi/$path" | tr , ' '); do visit "$needed"; done
		echo "$name $path"
	}
	local module
	for module in $INSTALLER_MODULES; do visit "$module"; done
}

# Programs that the ramdisk has not, with the libraries that it has not.
make_tools_udeb() {
	local folder=$WORK/udeb/tools libraries=lib/x86_64-linux-gnu
	mkdir -p "$folder/sbin" "$folder/usr/bin" "$folder/$libraries"
	cp "$(unpacked fdisk)/sbin/sfdisk" "$folder/sbin/"
	cp "$(unpacked e2fsprogs)/sbin/resize2fs" "$folder/sbin/"
	cp "$(unpacked lz4)/usr/bin/lz4" "$folder/usr/bin/"
	cp -P "$(unpacked libfdisk1)"/usr/$libraries/libfdisk.so.* "$(unpacked libsmartcols1)"/usr/$libraries/libsmartcols.so.* \
		"$(unpacked libext2fs2)"/$libraries/lib*.so.* "$(unpacked libcom-err2)"/$libraries/lib*.so.* "$folder/$libraries/"
	build_udeb "$folder" imagefactory-tools 'sfdisk, resize2fs and lz4 of the Debian packages'
}

make_system_udeb() {
	local abi=$1 folder=$WORK/udeb/system
	mkdir -p "$folder/DEBIAN" "$folder/usr/share/imagefactory"
	cp "$HERE/component/postinst" "$HERE/component/templates" "$folder/DEBIAN/"
	cp "$HERE/component/steps.sh" "$folder/usr/share/imagefactory/"
	echo "pool/$COMPONENTS_SUITE/system.ext4.lz4" > "$folder/usr/share/imagefactory/system-path"
	build_udeb "$folder" imagefactory-system 'unpacks a prepared Debian system' \
		"Depends: cdebconf-udeb, di-utils, imagefactory-tools, imagefactory-modules-$abi-di" 'Installer-Menu-Item: 4200'
}

# build_udeb FOLDER NAME DESCRIPTION [FIELD...]: packs the folder and adds the package to the suite's index.
# gzip, as unpacking time in the guest counts and the size does not.
build_udeb() {
	local folder=$1 name=$2 description=$3 file
	shift 3
	mkdir -p "$folder/DEBIAN"
	printf '%s\n' "Package: $name" 'Version: 1' "Architecture: $ARCH" 'Section: debian-installer' 'Priority: standard' \
		'Maintainer: imagefactory-nova developers <root@localhost>' "Installed-Size: $(du -sk "$folder" | cut -f1)" \
		"$@" "Description: $description" > "$folder/DEBIAN/control"
	[ ! -e "$folder/DEBIAN/postinst" ] || chmod 0755 "$folder/DEBIAN/postinst"
	file=$POOL/${name}_1_$ARCH.udeb
	dpkg-deb --nocheck -Zgzip --root-owner-group -b "$folder" "$file" > /dev/null 2>&1 || fail "cannot pack $name"
	{
		grep -v '^Description:' "$folder/DEBIAN/control"
		echo "Filename: ${file#"$TREE/debian/"}"
		echo "Size: $(stat -c %s "$file")"
		echo "MD5sum: $(md5sum < "$file" | cut -d' ' -f1)"
		echo "SHA256: $(sha256sum < "$file" | cut -d' ' -f1)"
		echo "Description: $description"
		echo
	} >> "$WORK/Packages"
}

# The index is unsigned: the preseed says so with debian-installer/allow_unauthenticated.
make_suite_index() {
	local suite=$TREE/debian/dists/$COMPONENTS_SUITE index=main/debian-installer/binary-$ARCH/Packages.gz
	mkdir -p "$suite/$(dirname "$index")"
	gzip -9 -n < "$WORK/Packages" > "$suite/$index"
	cat > "$suite/Release" <<- END
		Origin: imagefactory-nova
		Label: imagefactory-nova
		Suite: $COMPONENTS_SUITE
		Codename: $COMPONENTS_SUITE
		Date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')
		Architectures: $ARCH
		Components: main
		Description: installer components made from the sources in dev/installer-tree
		SHA256:
		 $(sha256sum < "$suite/$index" | cut -d' ' -f1) $(stat -c %s "$suite/$index") $index
	END
}
