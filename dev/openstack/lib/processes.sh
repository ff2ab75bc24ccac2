# shellcheck shell=bash
# Starts and stops processes without an init system. run/NAME.pid has the pid of a process and its start time in the
# kernel. Both are needed, because the kernel uses pids again. No process is ever stopped by its name.

# Prints the start time of process $1 in clock ticks after boot (proc(5), /proc/PID/stat, field 22). Fails when the
# process has ended or is a zombie.
start_time() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }" # from field 3 on: the program's name before it may hold blanks
  [ "${fields[0]}" != Z ] || return 1
  printf '%s\n' "${fields[19]}"
}

# Sets $REPLY to the pid of service $1. Fails when the service is not running.
running() {
  local ticks
  { read -r REPLY ticks <"$RUN/$1.pid"; } 2>/dev/null || return 1
  [ "$(start_time "$REPLY")" = "$ticks" ]
}

# Prints the seconds since service $1 was launched.
age() { echo $(($(date +%s) - $(stat -c %Y "$RUN/$1.pid"))); }

# Launches service $1 in its own session, with the variables of etc/env/$1, unless it already runs. All its child
# processes inherit IMAGEFACTORY_CLOUD_PROCESS_OF, and `stop_leftovers` finds them by this variable.
launch() {
  local name=$1 pid
  [ -n "${COMMAND[$name]:-}" ] || fail "there is no service $name; cloud.sh status lists them"
  running "$name" && return
  (
    set -a
    # shellcheck source=/dev/null
    [ ! -e "$ETC/env/$name" ] || . "$ETC/env/$name"
    export IMAGEFACTORY_CLOUD_PROCESS_OF=$STATE
    cd /
    eval "exec setsid ${COMMAND[$name]}"
  ) >>"$LOG/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$RUN/$name.pid"
}

# Stops service $1 and its process group with SIGTERM, and after STOP_TIMEOUT seconds with SIGKILL.
terminate() {
  local name=$1 pid deadline=$((SECONDS + STOP_TIMEOUT))
  if running "$name"; then
    pid=$REPLY
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    while running "$name" && ((SECONDS < deadline)); do sleep 0.1; done
    if running "$name"; then kill -KILL "$pid" 2>/dev/null || true; fi
    kill -KILL -- "-$pid" 2>/dev/null || true # workers that outlived their master
  fi
  rm -f "$RUN/$name.pid"
}

# Stops the processes that services have left running: dnsmasq and haproxy in their namespaces, and privilege helpers.
# Their environment has the variable IMAGEFACTORY_CLOUD_PROCESS_OF.
stop_leftovers() {
  local environ pids=()
  while IFS= read -r environ; do
    environ=${environ#/proc/}
    pids+=("${environ%/environ}")
  done < <(grep -lszxF "IMAGEFACTORY_CLOUD_PROCESS_OF=$STATE" /proc/[0-9]*/environ || true)
  ((${#pids[@]})) || return 0
  kill -TERM "${pids[@]}" 2>/dev/null || true
  sleep 0.5
  kill -KILL "${pids[@]}" 2>/dev/null || true
}
