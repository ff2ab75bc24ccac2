# shellcheck shell=bash
# Checks whether a service is ready. A probe is KIND:DETAIL. Each probe sets $REPLY to the text that `status` prints.

port_open() { (exec 3<>"/dev/tcp/$IP/$1") 2>/dev/null; }

probe_sql() {
  sql -e 'select 1' >/dev/null 2>&1 || return 1
  REPLY='answers on its socket'
}

probe_tcp() {
  port_open "$1" || return 1
  REPLY="listens on port $1"
}

# Checks a service at PORT/PATH over HTTP. Any answer with a status below 500 means that the service is ready.
probe_http() {
  local code
  code=$(curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "http://$IP:$1" || true)
  REPLY="HTTP $code on port ${1%%/*}"
  ((10#$code > 0 && 10#$code < 500))
}

probe_libvirt() {
  virsh --connect "$(libvirt_uri)" version >/dev/null 2>&1 || return 1
  REPLY='answers on its socket'
}

# Checks a service that has no port of its own. While it is alive, it writes the time into the database again and again.
# $1: nova, neutron or cinder; $2: the service. A time from before the last launch does not count.
probe_heartbeat() {
  local query seconds
  case $1 in
    nova) query="select timestampdiff(second, last_seen_up, utc_timestamp()) from nova.services where deleted = 0 and \`binary\` = '$2'" ;;
    cinder) query="select timestampdiff(second, updated_at, utc_timestamp()) from cinder.services where deleted = 0 and \`binary\` = '$2'" ;;
    neutron) query="select timestampdiff(second, heartbeat_timestamp, utc_timestamp()) from neutron.agents where \`binary\` = '$2'" ;;
  esac
  seconds=$(sql -e "$query" 2>/dev/null) || return 1
  [[ $seconds =~ ^[0-9]+$ ]] || return 1
  REPLY="last heard of $seconds s ago"
  ((seconds < 45 && seconds <= $(age "$2")))
}

# nova-compute must also have reported its resources to Placement. Otherwise Nova finds no valid host.
probe_compute() {
  probe_heartbeat nova nova-compute || return 1
  [ "$(sql -e 'select count(*) > 0 from placement.inventories' 2>/dev/null)" = 1 ]
}

# Checks whether service $1 runs and is ready. Sets $REPLY to its state.
ready() {
  local kind detail
  REPLY='not running'
  running "$1" || return 1
  REPLY='runs, but is not ready'
  kind=${PROBE[$1]%%:*}
  detail=${PROBE[$1]#*:}
  case $kind in
    sql | libvirt | compute) "probe_$kind" ;;
    tcp | http) "probe_$kind" "$detail" ;;
    nova | neutron | cinder) probe_heartbeat "$kind" "$1" ;;
  esac
}
