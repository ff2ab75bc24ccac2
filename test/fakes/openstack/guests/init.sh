# The first process of a guest, in namespaces of its own. Arguments: the guest's disk, the folder with the programs that
# replace those of the host, the host name, and `ignore` if a shutdown from inside must have no effect.
set -e
disk=$1 tools=$2 name=$3 shutdown=$4
mount --make-rprivate /
mount --bind "$disk/root" "$disk/root"
cd "$disk/root"
# Lower layer: the host's programs. Upper layer: the files that the guest writes. Nothing changes the host's files.
mount -t overlay overlay -o "lowerdir=$tools/usr:/usr,upperdir=$disk/usr,workdir=$disk/work" usr
for name_of in bin sbin lib lib32 lib64; do
  if [ -L "/$name_of" ]; then
    [ -L "$name_of" ] || ln -s "$(readlink "/$name_of")" "$name_of"
  elif [ -d "/$name_of" ]; then
    mkdir -p "$name_of"
    mount --bind "/$name_of" "$name_of"
    mount -o remount,bind,ro "$name_of"
  fi
done
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=755 dev dev
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
if [ -d /etc/alternatives ]; then
  mount --bind /etc/alternatives etc/alternatives
  mount -o remount,bind,ro etc/alternatives
fi
mount -t proc proc proc
# Root in the guest must not change the host's kernel parameters.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
if [ -e proc/sysrq-trigger ]; then mount --bind /dev/null proc/sysrq-trigger; fi
cat proc/sys/kernel/random/uuid >run/boot_id
mount --bind run/boot_id proc/sys/kernel/random/boot_id
hostname "$name"
mkdir -p run/lock run/old
pivot_root . run/old
umount -l /run/old
rmdir /run/old
cd /
trap 'exit 101' TERM
trap 'exit 102' INT
if [ "$shutdown" = ignore ]; then trap '' TERM INT; fi
# When the process that started the guest ends, standard input closes and the guest ends. `wait` also reaps orphans.
exec 3<&0
cat <&3 >/dev/null 2>&1 &
echo up
wait "$!"
