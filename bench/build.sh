#!/bin/bash
# Builds examples/debian-12.tdl without imagefactory. It uses `openstack` commands, and checks their results every two
# seconds. It does the same work as a build of imagefactory. When a step fails, it only removes the resources that it
# has created.
#
# Usage: build.sh media | build.sh build NAME | build.sh remove NAME
#   media   uploads the installer's kernel and ramdisk to Glance, unless they are there
#   build   installs and customises a system, and prints the id of its image, which gets the name NAME
#   remove  removes the images of `media` and `build`: NAME, its JEOS, kernel and ramdisk
#
# OS_CLOUD or OS_AUTH_URL selects the cloud. WORK is a folder for the files of this script. KERNEL and RAMDISK are the
# URLs of the installer's kernel and ramdisk. COMMAND_LINE is the kernel's command line, and SCRIPT the preseed file.
# FLAVOR, NETWORK and PUBLIC are names of a flavor and of two networks in the cloud.
set -euo pipefail

case ${1:-} in
  media | build | remove) ;;
  *)
    sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
: "${WORK:?}" "${KERNEL:?}" "${RAMDISK:?}" "${COMMAND_LINE:?}" "${SCRIPT:?}"
: "${FLAVOR:=2}" "${NETWORK:=private}" "${PUBLIC:=public}"
kernel=imagefactory-bench-kernel ramdisk=imagefactory-bench-ramdisk

began=$(date +%s%N)
say() { echo "  script, $((($(date +%s%N) - began) / 1000000)) ms: $*" >&2; }

id_of() { openstack image show -f value -c id "$1" 2>/dev/null; }

medium() {
  if id_of "$1" >/dev/null; then return; fi
  curl -sfo "$WORK/$1" "$3"
  openstack image create -f value -c id --disk-format "$2" --container-format "$2" --file "$WORK/$1" "$1" >/dev/null
}

# wait_for NAME SECONDS WANTED COMMAND...: waits until the command prints WANTED. Fails when the command prints ERROR or
# killed, or when SECONDS are over. When the command fails, its output counts as `gone`.
wait_for() {
  local what=$1 deadline=$(($(date +%s) + $2)) wanted=$3 status
  shift 3
  until status=$("$@" 2>/dev/null) || status=gone; [ "$status" = "$wanted" ]; do
    case $status in ERROR | killed) say "$what is $status"; return 1 ;; esac
    [ "$(date +%s)" -lt "$deadline" ] || { say "$what is still $status"; return 1; }
    sleep 2
  done
  say "$what is $status"
}
server_is() { wait_for "$1" "$2" "$3" openstack server show -f value -c status "$1"; }
image_is_active() { wait_for "$1" 600 active openstack image show -f value -c status "$1"; }

# Runs the script that comes on standard input as root in the guest.
guest() {
  ssh -q -i "$WORK/key" -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null "debian@$address" sudo sh -e
}
guest_answers() { guest <<<'echo ready'; }

remove_access() {
  [ -z "${address:-}" ] || openstack floating ip delete "$address"
  openstack keypair delete "$name"
  openstack security group delete "$name"
}

# After a failure: removes everything that the build has created.
clean_up() {
  set +e
  openstack server delete --wait "$name-installer"
  openstack server delete --wait "$name-guest"
  openstack image delete "$name-boot"
  remove_access
} >/dev/null 2>&1

install() {
  truncate -s 1M "$WORK/empty"
  openstack image create -f value -c id --disk-format raw --container-format bare --file "$WORK/empty" \
    --property kernel_id="$(id_of $kernel)" --property ramdisk_id="$(id_of $ramdisk)" \
    --property os_command_line="$COMMAND_LINE" "$name-boot" >/dev/null
  openstack server create -f value -c id --image "$name-boot" --flavor "$FLAVOR" --network "$NETWORK" \
    --user-data "$SCRIPT" "$name-installer" >/dev/null
  say 'the installer is booted'
  server_is "$name-installer" 3600 SHUTOFF
  openstack server image create -f value -c id --name "$name-jeos" "$name-installer" >/dev/null
  image_is_active "$name-jeos"
  openstack image unset --property kernel_id --property ramdisk_id --property os_command_line "$name-jeos"
  openstack server delete "$name-installer"
  server_is "$name-installer" 300 gone
  openstack image delete "$name-boot"
}

boot() {
  ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
  openstack keypair create --public-key "$WORK/key.pub" "$name" >/dev/null
  openstack security group create "$name" >/dev/null
  openstack security group rule create --protocol tcp --dst-port 22 "$name" >/dev/null
  openstack server create -f value -c id --image "$name-jeos" --flavor "$FLAVOR" --network "$NETWORK" \
    --key-name "$name" --security-group "$name" "$name-guest" >/dev/null
  server_is "$name-guest" 600 ACTIVE
  address=$(openstack floating ip create -f value -c floating_ip_address "$PUBLIC")
  openstack server add floating ip "$name-guest" "$address"
  wait_for 'the guest' 900 ready guest_answers
}

# Runs the template's precommands, installs its packages, writes its files, runs its commands, and lists the installed
# packages.
customise() {
  guest <<'END'
cloud-init status --wait >/dev/null || true
mkdir -p /usr/local/share/imagefactory
date -u +%s >/usr/local/share/imagefactory/before
END
  guest <<'END' >/dev/null
export DEBIAN_FRONTEND=noninteractive
apt-get -y -q update </dev/null
apt-get -y -q install hello tree </dev/null
END
  guest <<'END'
echo 'Built by imagefactory.' >/etc/motd
echo 'Hello from a base64 file.' >/usr/local/share/imagefactory/greeting
END
  guest <<'END'
hello --greeting="Hello from the command greeting." >/usr/local/share/imagefactory/said
END
  guest <<'END'
tree -a /usr/local/share/imagefactory >/var/lib/imagefactory-demo
END
  guest <<<'dpkg-query -W' >"$WORK/packages"
  say "the guest has $(wc -l <"$WORK/packages") packages"
  guest <<'END' >/dev/null
cloud-init clean --logs
apt-get clean
rm -rf /var/lib/apt/lists/* /var/lib/dhcp/*.leases
: >/etc/machine-id
find /var/log -type f -exec truncate -s 0 {} +
rm -f /etc/ssh/ssh_host_* /home/*/.ssh/authorized_keys /root/.ssh/authorized_keys
sync
(sleep 1; poweroff) >/dev/null 2>&1 &
END
}

publish() {
  server_is "$name-guest" 600 SHUTOFF
  openstack server image create -f value -c id --name "$name" "$name-guest" >/dev/null
  image_is_active "$name"
  openstack image set --property os_distro=debian --property os_version=12 "$name"
  openstack server delete "$name-guest"
  server_is "$name-guest" 300 gone
  remove_access
  trap - EXIT
  id_of "$name"
}

case $1 in
  media)
    medium "$kernel" aki "$KERNEL"
    medium "$ramdisk" ari "$RAMDISK"
    ;;
  build)
    name=$2
    trap clean_up EXIT
    install
    boot
    customise
    publish
    ;;
  remove) openstack image delete "$2" "$2-jeos" "$kernel" "$ramdisk" ;;
esac
