# shellcheck shell=bash disable=SC2034,SC2153 # the other parts use these, and STATE is theirs
# The processes of the cloud, in the order in which they start. A stage starts when the previous stage is ready.

SERVICES=()
declare -A STAGE PROBE COMMAND

# service STAGE NAME PROBE COMMAND...: registers a service.
service() {
  local stage=$1 name=$2 probe=$3
  shift 3
  SERVICES+=("$name")
  STAGE[$name]=$stage
  PROBE[$name]=$probe
  COMMAND[$name]=$(printf '%q ' "$@")
}

wsgi() { printf '%s\n' uwsgi --ini "$ETC/uwsgi.ini" --http-socket "$IP:$1" --wsgi-file "$2"; }
common=(--config-file "$ETC/common.conf")
nova=("${common[@]}" --config-file "$ETC/nova.conf")
cinder=("${common[@]}" --config-file "$ETC/cinder.conf")
neutron=("${common[@]}" --config-file "$ETC/neutron.conf" --config-file)
mapfile -t keystone < <(wsgi 5000 /usr/bin/keystone-wsgi-public)
mapfile -t placement < <(wsgi 8778 /usr/bin/placement-api)

#       stage    name                      ready when       command
service base     epmd                      tcp:24369        epmd -address "$IP" -port 24369
service base     mariadb                   sql              mariadbd --defaults-file="$ETC/mariadb.cnf"
service base     rabbitmq                  tcp:5672         /usr/lib/rabbitmq/bin/rabbitmq-server
service base     libvirtd                  libvirt          private-libvirtd "$STATE/libvirt" "$ETC/libvirtd.conf"
service identity keystone                  http:5000/v3     "${keystone[@]}"
service control  placement                 http:8778/       "${placement[@]}"
service control  glance-api                http:9292/       glance-api "${common[@]}" --config-file "$ETC/glance.conf"
service control  nova-conductor            nova             nova-conductor "${nova[@]}"
service control  neutron-server            http:9696/       neutron-server "${neutron[@]}" "$ETC/ml2.ini"
service control  nova-api                  http:8774/       oslo-service nova-api "${nova[@]}"
service control  nova-scheduler            nova             nova-scheduler "${nova[@]}"
service control  cinder-scheduler          cinder           cinder-scheduler "${cinder[@]}"
service control  cinder-api                http:8776/       oslo-service cinder-api "${cinder[@]}"
service agents   cinder-volume             cinder           oslo-service cinder-volume "${cinder[@]}"
service agents   nova-compute              compute          nova-compute "${nova[@]}"
service agents   neutron-linuxbridge-agent neutron          neutron-linuxbridge-agent "${neutron[@]}" "$ETC/linuxbridge_agent.ini"
service agents   neutron-dhcp-agent        neutron          neutron-dhcp-agent "${neutron[@]}" "$ETC/dhcp_agent.ini"
service agents   neutron-metadata-agent    neutron          neutron-metadata-agent "${neutron[@]}" "$ETC/metadata_agent.ini"
service agents   neutron-l3-agent          neutron          neutron-l3-agent "${neutron[@]}" "$ETC/l3_agent.ini"

# Prints the names of the services in the given stages.
in_stages() {
  local name
  for name in "${SERVICES[@]}"; do
    if [[ " $* " == *" ${STAGE[$name]} "* ]]; then printf '%s\n' "$name"; fi
  done
}

# Checks whether service $1 runs, and one of the files that its command names has changed since its launch.
outdated() {
  local file
  running "$1" || return 1
  for file in "$ETC"/*; do
    if [[ ${COMMAND[$1]} == *"$file"* && $file -nt $RUN/$1.pid ]]; then return; fi
  done
  return 1
}

launch_stage() {
  local name started=()
  [ "$1" != base ] || make_mysql_folder
  for name in $(in_stages "$1"); do
    ! outdated "$name" || stop_named "$name"
    running "$name" || started+=("$name")
    launch "$name"
  done
  ((${#started[@]} == 0)) || say "starting ${started[*]}"
}

await_stage() {
  local name
  for name in $(in_stages "$1"); do await "$name"; done
}

await() {
  local name=$1 deadline=$((SECONDS + READY_TIMEOUT))
  ready "$name" && return
  until ready "$name"; do
    running "$name" || fail_with_log "$LOG/$name.log" "$name has ended"
    ((SECONDS < deadline)) || fail_with_log "$LOG/$name.log" "$name was not ready after $READY_TIMEOUT s"
    sleep 0.2
  done
  say "$name is ready"
}

stop_stage() {
  local name stopped=()
  for name in $(in_stages "$@"); do
    running "$name" || continue
    stopped+=("$name")
  done
  ((${#stopped[@]})) || return 0
  for name in "${stopped[@]}"; do terminate "$name" & done
  wait
  say "stopped ${stopped[*]}"
}

libvirt_uri() { printf 'qemu:///system?socket=%s/libvirt/run/libvirt-sock\n' "$STATE"; }

# Powers the instances off. Nova still considers them running, and powers them on again at the next start.
stop_guests() {
  local guest
  running libvirtd || return 0
  for guest in $(virsh --connect "$(libvirt_uri)" list --uuid 2>/dev/null); do
    virsh --connect "$(libvirt_uri)" destroy "$guest" >/dev/null 2>&1 || true
    say "powered off instance $guest"
  done
}

launch_named() {
  local name
  # shellcheck source=/dev/null
  . "$STATE/secrets"
  for name in "$@"; do
    launch "$name"
    await "$name"
  done
}

stop_named() {
  local name
  for name in "$@"; do
    [ -n "${COMMAND[$name]:-}" ] || fail "there is no service $name; cloud.sh status lists them"
    terminate "$name"
    say "stopped $name"
  done
}

print_status() {
  local name word all=0
  for name in "${SERVICES[@]}"; do
    if ready "$name"; then word=up; else word=down all=1; fi
    printf '%-26s %-5s %s\n' "$name" "$word" "$REPLY"
  done
  return "$all"
}
