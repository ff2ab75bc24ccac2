# shellcheck shell=bash
# Makes the host's side of the external network, and removes what Neutron has made outside our state folder.

make_provider_link() {
  if ! ip link show "$PUBLIC_HOST_END" >/dev/null 2>&1; then
    ip link add "$PUBLIC_HOST_END" type veth peer name "$PUBLIC_CLOUD_END"
  fi
  ip link set "$PUBLIC_CLOUD_END" up
  ip link set "$PUBLIC_HOST_END" up
  ip address replace "$PUBLIC_GATEWAY/${PUBLIC_CIDR#*/}" dev "$PUBLIC_HOST_END"
  ip route replace unreachable "$PUBLIC_CIDR" metric 9999 # keeps the range off the machine's other links when ours is down
  mkdir -p /run/netns /run/lock
}

# Neutron names bridges, links and namespaces on the host after ids. The state folder has the ids of networks and
# routers. The bridges of the networks contain the links of instances and namespaces.
remove_network() {
  local id bridge
  for id in "$STATE"/neutron/dhcp/* "$STATE"/neutron/ns-metadata-proxy/*.conf; do
    id=$(basename "$id" .conf)
    ip netns delete "qdhcp-$id" 2>/dev/null || true
    ip netns delete "qrouter-$id" 2>/dev/null || true
    remove_bridge "brq${id:0:11}"
  done
  bridge=$(readlink "/sys/class/net/$PUBLIC_CLOUD_END/master" || true)
  [ -z "$bridge" ] || remove_bridge "${bridge##*/}"
  ip link delete "$PUBLIC_HOST_END" 2>/dev/null || true
  ip route delete unreachable "$PUBLIC_CIDR" metric 9999 2>/dev/null || true
  remove_filters
}

# Removes the bridge $1 of a network, and the links of instances in it.
remove_bridge() {
  local link
  for link in "/sys/class/net/$1/brif/"tap*; do
    ip link delete "${link##*/}" 2>/dev/null || true
  done
  ip link delete "$1" 2>/dev/null || true
}

# Removes the rules of security groups: all rules in iptables and ebtables whose text contains neutron, and their
# address sets.
remove_filters() {
  local tables set
  for tables in iptables ip6tables ebtables; do
    if "$tables-save" 2>/dev/null | grep -q neutron; then
      "$tables-save" | grep -v neutron | "$tables-restore"
    fi
  done
  for set in $(ipset list -name 2>/dev/null | grep -E '^NIPv[46][0-9a-f]{8}-' || true); do
    ipset destroy "$set" 2>/dev/null || true
  done
}
