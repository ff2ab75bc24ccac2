# The steps of the installation, for the installer's busybox shell. Sourced by postinst with debconf at hand.

console() { echo "$1" > /dev/console 2> /dev/null || true; }
uptime_s() { cut -d' ' -f1 /proc/uptime; }

# step NAME FUNCTION: runs it, and tells the console when it starts and ends.
step() {
	current=$1
	console "IMAGEFACTORY-STAGE $1 start $(uptime_s)"
	"$2"
	console "IMAGEFACTORY-STAGE $1 end $(uptime_s)"
}

die() {
	logger -t imagefactory "error: $*"
	console "IMAGEFACTORY-ERROR $*"
	current=
	db_subst imagefactory/error MESSAGE "$*" || true
	db_input critical imagefactory/error || true
	db_go || true
	exit 1
}

# A command that fails where nobody looked ends the script (set -e); the console must tell.
unforeseen() {
	[ -z "$current" ] || console "IMAGEFACTORY-ERROR the step $current ended unexpectedly, see the installer's syslog"
}

# asked QUESTION: the answer of the preseed, or nothing.
asked() {
	RET=
	db_get "$1" || RET=
	echo "$RET"
}

# quietly COMMAND...: its output goes to the log, away from debconf's channel.
quietly() { log-output -t imagefactory "$@" < /dev/null 3>&-; }

load_modules() {
	sh /usr/share/imagefactory/load-modules 2>&1 | logger -t imagefactory
	update-dev --settle > /dev/null 2>&1 || true
}

# One MBR partition over the whole disk.
partition_disk() {
	[ "$(asked partman-auto/method)" = regular ] || die "partman-auto/method: only 'regular' is known here"
	[ "$(asked partman/confirm)" = true ] || die "partman/confirm is not preseeded with true"
	disk=$(asked partman-auto/disk)
	[ -n "$disk" ] || disk=$(list-devices disk | head -n 1)
	[ -b "$disk" ] || die "no disk '$disk' in this machine"
	printf 'label: dos\nstart=2048, type=83, bootable\n' > /tmp/partitions
	log-output -t imagefactory sfdisk --quiet --wipe always "$disk" < /tmp/partitions 3>&- || die "sfdisk cannot partition $disk"
	update-dev --settle > /dev/null 2>&1 || true
	case $disk in
		*[0-9]) root=${disk}p1 ;;
		*) root=${disk}1 ;;
	esac
	[ -b "$root" ] || die "no $root after partitioning $disk"
}

# The image goes straight from the mirror onto the partition. lz4 checks the stream's end and its checksum.
unpack_system() {
	mirror="$(asked mirror/protocol)://$(asked mirror/http/hostname)"
	archive=$mirror$(asked mirror/http/directory)
	url=$archive/$(cat /usr/share/imagefactory/system-path)
	rm -f /tmp/wget.failed
	{ wget -q -O - "$url" 2> /tmp/wget.log || echo "wget: exit status $?" > /tmp/wget.failed; } 3>&- |
		lz4 -dc > "$root" 2> /tmp/lz4.log 3>&- || die "unpacking $url failed: $(cat /tmp/wget.* /tmp/lz4.log | tail -n 2 | tr '\n' ' ')"
	[ ! -e /tmp/wget.failed ] || die "fetching $url failed: $(cat /tmp/wget.*)"
}

grow_system() {
	quietly resize2fs "$root" || die "resize2fs cannot grow the file system of $root"
	mkdir -p /target
	mount -t ext4 "$root" /target || die "cannot mount $root"
}

# What only this installation knows: mirror, host name, root's password, kernel parameters.
configure_system() {
	write_sources
	hostname > /target/etc/hostname
	parameters=$(user-params | tr '\n' ' ' | sed 's/ *$//')
	escaped=$(echo "$parameters" | sed 's/[&|\\"]/\\&/g')
	sed -i "s|@PARAMETERS@|$escaped|" /target/boot/grub/grub.cfg
	sed -i "s|^GRUB_CMDLINE_LINUX=.*|GRUB_CMDLINE_LINUX=\"$escaped\"|" /target/etc/default/grub
	set_root_password
}

write_sources() {
	suite=$(asked mirror/codename) # choose-mirror has set it from the Release file
	security=$(asked apt-setup/security_host)
	host=$(asked mirror/http/hostname)
	cat > /target/etc/apt/sources.list <<- END
		deb $archive $suite main
		deb $archive $suite-updates main
		deb http://$security/debian-security $suite-security main
	END
	# The lists came with the system, under a name that stands for the mirror: no need to fetch them again.
	for list in /target/var/lib/apt/lists/MIRROR_*; do
		case $list in
			*MIRROR_debian-security_*) from=$security ;;
			*) from=$host ;;
		esac
		mv "$list" "/target/var/lib/apt/lists/$from${list#*/MIRROR}"
	done
}

set_root_password() {
	crypted=$(asked passwd/root-password-crypted)
	if [ -n "$crypted" ]; then
		echo "root:$crypted" | chroot /target chpasswd -e 3>&- || die "cannot set root's password"
		return
	fi
	plain=$(asked passwd/root-password)
	[ -n "$plain" ] || return 0
	echo "root:$plain" | chroot /target chpasswd 3>&- || die "cannot set root's password"
}

# What grub-install does for a BIOS: the boot sector (446 bytes are code, the rest the partition table), and GRUB's core
# in the gap before the first partition, which begins at 1 MiB.
write_boot_loader() {
	grub=/target/boot/grub/i386-pc
	[ "$(wc -c < $grub/core.img)" -lt 1048064 ] || die "GRUB's core does not fit before the first partition"
	dd if=$grub/boot.img of="$disk" bs=440 count=1 conv=notrunc 2> /dev/null || die "cannot write the boot sector of $disk"
	dd if=$grub/core.img of="$disk" bs=512 seek=1 conv=notrunc 2> /dev/null || die "cannot write GRUB's core to $disk"
}

# Debian's hooks in the ramdisk, preseed/late_command among them. Left out: what would look for packages that suit the
# machine (20 s for nothing here), and the installer's own network set-up (cloud-init makes one at each first boot).
run_finish_hooks() {
	for hook in /usr/lib/finish-install.d/*; do
		case ${hook##*/} in
			*brltty | *hw-detect | *netcfg-copy-config) continue ;;
		esac
		[ -x "$hook" ] || continue
		before=$(uptime_s)
		"$hook" || die "the hook $hook failed"
		logger -t imagefactory "hook $hook: $before to $(uptime_s)"
	done
}

unmount_system() {
	sync
	umount /target || die "cannot unmount /target"
}
