# shellcheck shell=bash
# Can this machine hold the cloud? One clear sentence and exit code 3 when it cannot.

# What can be told before anything is written.
can_hold_cloud() {
  [ "$(uname -s)" = Linux ] || cannot "it runs $(uname -s), not Linux"
  [ "$(id -u)" = 0 ] || cannot 'it takes root'
  command -v apt-get >/dev/null || cannot 'it has no apt-get: Debian or Ubuntu is needed'
  [ "$(dpkg --print-architecture)" = amd64 ] || cannot "its architecture is $(dpkg --print-architecture), not amd64"
  unshare --mount --net true 2>/dev/null || cannot 'the kernel grants no mount or network namespaces here'
}

# What a first start needs on top; a cloud that has its state has shown that it fits.
check_machine() {
  local memory disk
  mkdir -p "$STATE" && chmod 755 "$STATE"
  setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$STATE" ||
    fail "the folder $STATE must be open to the user nobody all the way down; set IMAGEFACTORY_CLOUD_DIR to one that is"
  [ ! -e "$STATE/databases.done" ] || return 0
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  ((memory >= 5000)) || cannot "it has $memory MiB of memory free, and the cloud with one instance takes 5000"
  disk=$(df --output=avail -BM "$STATE" | tail -n 1 | tr -dc 0-9)
  ((disk >= 5000)) || cannot "$STATE has $disk MB of disk free, and the cloud takes 5000"
}

# Another OpenStack or RabbitMQ on our ports would answer in the place of ours.
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
