#!/bin/bash
# A real OpenStack on this machine, for the demo and the tests. See README.md, beside this file.
#
#   cloud.sh start [SERVICE...]   install what is missing, configure, start what is not running
#   cloud.sh stop [SERVICE...]    stop everything and keep the state, or stop the services named
#   cloud.sh status               one line a service; exit 0 only when everything is up
#   cloud.sh purge                stop everything and delete the state
#
# Exit codes: 0 done, 1 failed (or, for status, not everything is up), 2 wrong usage, 3 this machine cannot hold the cloud.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Only Debian's own programs are on the PATH. The services need Debian's Python, and a version manager may have put
# another Python first.
export PATH="$HERE/libexec:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8
unset "${!http_proxy@}" "${!https_proxy@}" "${!HTTP_PROXY@}" "${!HTTPS_PROXY@}" "${!OS_@}" PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

for part in settings report processes machine packages config databases network probes services; do
  # shellcheck source=/dev/null
  . "$HERE/lib/$part.sh"
done

usage() {
  sed -n '4,7s/^# *//p' "${BASH_SOURCE[0]}"
  printf '\nState folder: %s (IMAGEFACTORY_CLOUD_DIR)\n' "$STATE"
}

start_cloud() {
  check_machine
  make_folders
  install_packages
  check_ports
  write_config
  make_provider_link
  launch_stage base
  await_stage base
  fill_databases # brings Keystone up on its way
  launch_stage identity
  await_stage identity
  launch_stage control
  await_stage control
  launch_stage agents
  await_stage agents
  map_compute_node
  make_resources
  explain_use
}

stop_cloud() {
  stop_stage agents control
  stop_guests
  stop_stage identity base
  stop_leftovers
}

purge_cloud() {
  stop_cloud
  remove_network
  rm -rf --one-file-system "$STATE"
  say "removed $STATE"
}

# Only one start, stop or purge runs at a time. `launch` closes descriptor 9 in every service, so that no service keeps
# the lock.
lock() {
  mkdir -p "$STATE"
  exec 9>"$STATE/.lock"
  flock -n 9 && return
  say 'another cloud.sh is at work; waiting for it'
  flock -w 900 9 || fail 'the other cloud.sh did not end within 15 minutes'
}

main() {
  local command=${1:-}
  shift || true
  case $command in
    start)
      can_hold_cloud
      lock
      if (($#)); then launch_named "$@"; else start_cloud; fi
      ;;
    stop)
      [ -d "$STATE" ] || { say 'nothing to stop'; return; }
      lock
      if (($#)); then stop_named "$@"; else stop_cloud; fi
      ;;
    status) print_status ;;
    purge)
      [ -d "$STATE" ] || { say 'nothing to remove'; return; }
      lock
      purge_cloud
      ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
