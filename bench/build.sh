#!/bin/sh
# The lifecycle of examples/debian-12.tdl as somebody would write it down with the `openstack` command, polling every two
# seconds: what imagefactory is measured against. Nothing in it survives a lost reply or a crash.
#
# Environment: KERNEL, RAMDISK (files), COMMAND_LINE, SCRIPT (preseed), FLAVOR, NETWORK, EXTERNAL (network of floating IPs),
# ARCHITECTURE. Prints the id of the base image.
set -eu

name=imagefactory-bench-$$
work=$(mktemp -d)
poll=2

finish() {
  set +e
  openstack server delete --wait "$name-installer" "$name-guest"
  [ -z "${address:-}" ] || openstack floating ip delete "$address"
  openstack security group delete "$name"
  openstack keypair delete "$name"
  openstack image delete "$name-kernel" "$name-ramdisk" "$name-boot" "$name-jeos"
  rm -rf "$work"
} >/dev/null 2>&1
trap finish EXIT

# Waits until a command prints the state that is `$wanted`.
wait_for() {
  while :; do
    state=$("$@" | head -n 1)
    case $state in "$wanted") return ;; ERROR | error | killed) echo "$name went to $state" >&2; exit 1 ;; esac
    sleep "$poll"
  done
}
server_status() { openstack server show "$1" -f value -c status; }
image_status() { openstack image show "$1" -f value -c status; }

# The installer.
kernel=$(openstack image create --disk-format aki --container-format aki --file "$KERNEL" -f value -c id "$name-kernel")
ramdisk=$(openstack image create --disk-format ari --container-format ari --file "$RAMDISK" -f value -c id "$name-ramdisk")
truncate -s 1M "$work/empty"
openstack image create --disk-format raw --container-format bare --file "$work/empty" \
  --property kernel_id="$kernel" --property ramdisk_id="$ramdisk" --property os_command_line="$COMMAND_LINE" "$name-boot" >/dev/null
openstack server create --image "$name-boot" --flavor "$FLAVOR" --network "$NETWORK" --user-data "$SCRIPT" "$name-installer" >/dev/null
wanted=SHUTOFF
wait_for server_status "$name-installer"
openstack server image create --name "$name-jeos" "$name-installer" >/dev/null
wanted=active
wait_for image_status "$name-jeos"
openstack image unset --property kernel_id --property ramdisk_id --property os_command_line "$name-jeos"
openstack server delete --wait "$name-installer"

# The customisation.
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
openstack keypair create --public-key "$work/key.pub" "$name" >/dev/null
openstack security group create "$name" >/dev/null
openstack security group rule create --protocol tcp --dst-port 22 "$name" >/dev/null
openstack server create --image "$name-jeos" --flavor "$FLAVOR" --network "$NETWORK" --key-name "$name" --security-group "$name" "$name-guest" >/dev/null
wanted=ACTIVE
wait_for server_status "$name-guest"
address=$(openstack floating ip create "$EXTERNAL" -f value -c floating_ip_address)
openstack server add floating ip "$name-guest" "$address"
guest() {
  ssh -q -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 -o BatchMode=yes "debian@$address" sudo sh -e
}
until echo true | guest; do sleep "$poll"; done
guest <<'END'
mkdir -p /usr/local/share/imagefactory
date -u +%s >/usr/local/share/imagefactory/before
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
apt-get install -y -qq hello tree >/dev/null
echo 'Built by imagefactory.' >/etc/motd
echo 'Hello from a base64 file.' >/usr/local/share/imagefactory/greeting
hello --greeting='Hello from the command greeting.' >/usr/local/share/imagefactory/said
tree -a /usr/local/share/imagefactory >/var/lib/imagefactory-demo
END
echo "dpkg-query -W -f '\${Package}\n'" | guest >"$work/packages"
echo "cloud-init clean --logs; truncate -s 0 /etc/machine-id; rm -f /etc/ssh/ssh_host_* ~debian/.ssh/authorized_keys; (sleep 1; poweroff) >/dev/null 2>&1 &" | guest
wanted=SHUTOFF
wait_for server_status "$name-guest"
image=$(openstack server image create --name "$name-base" -f value -c id "$name-guest")
wanted=active
wait_for image_status "$image"
echo "$image"
