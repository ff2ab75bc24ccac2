# shellcheck shell=bash
# Checks whether this machine can run the cloud. If not, prints the reason in one sentence, and exits with code 3.

# The checks that write nothing.
can_hold_cloud() {
  [ "$(uname -s)" = Linux ] || cannot "it runs $(uname -s), not Linux"
  [ "$(id -u)" = 0 ] || cannot 'cloud.sh must run as root'
  command -v apt-get >/dev/null || cannot 'it has no apt-get: Debian or Ubuntu is needed'
  [ "$(dpkg --print-architecture)" = amd64 ] || cannot "its architecture is $(dpkg --print-architecture), not amd64"
  unshare --mount --net true 2>/dev/null || cannot 'the kernel does not allow mount and network namespaces here'
}

# More checks before the first start. A cloud that already has its state needs no check of memory and disk.
check_machine() {
  local memory disk
  mkdir -p "$STATE" && chmod 755 "$STATE"
  setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$STATE" ||
    fail "the user 'nobody' cannot enter the folder $STATE: set IMAGEFACTORY_CLOUD_DIR to a folder that every user can enter"
  [ ! -e "$STATE/databases.done" ] || return 0
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  ((memory >= 5000)) || cannot "it has $memory MiB of free memory, and the cloud with one instance needs 5000"
  disk=$(df --output=avail -BM "$STATE" | tail -n 1 | tr -dc 0-9)
  ((disk >= 5000)) || cannot "the disk of $STATE has $disk MiB free, and the cloud needs 5000"
}

# If another program listened on one of our ports, it would answer in the place of our service.
check_ports() {
  local name port
  for name in "${SERVICES[@]}"; do
    port=${PROBE[$name]#*:}
    port=${port%%/*}
    [[ $port =~ ^[0-9]+$ ]] || continue
    running "$name" && continue
    ! port_open "$port" || fail "port $port, which $name needs, is taken by another program on this machine"
  done
}
