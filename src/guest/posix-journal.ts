/** The line that replaces the beginning of an output that the guest cut down because it was too large. */
export const DROPPED_OUTPUT = '[imagefactory: earlier output dropped]';

/** The journal's folder in the guest: only root can read it. */
export const JOURNAL_DIRECTORY = '/var/lib/imagefactory';

/**
 * The guest's side of the journal, in POSIX sh (dash, bash and BusyBox run it), for Linux (`/proc`).
 *
 * Each round of a step has its own folder, `<step>.<round>`: to run a failed step again, the caller names a new round.
 * If any round has succeeded or is running, every other round attaches to that round, unless the caller forces a rerun.
 * In this list, `<step>` is the folder of a round:
 *
 *     <step>/try.XXXXXX/   files of one attempt: `script`, `runner`, and `start` of this attempt
 *     <step>/start         the runner's process: "<pid> <start time of the process> <boot id> <uptime in seconds>"
 *     <step>/output        the script's output, stdout and stderr together
 *     <step>/status        the script's exit status; exists when the script has ended
 *     <step>/deadline      exists if the script was killed because the step's timeout was over
 *
 * The runner creates `start` with link(2), which is atomic and fails if the file exists. So exactly one attempt runs
 * the script. `start` appears together with its content, so no attempt reads an empty `start`.
 */

/**
 * Shell functions for {@link RUNNER} and {@link FOLLOW}. `process_start` prints when the process `$1` started, in ticks
 * since boot. If a pid is used again, the new process has another start time.
 */
const PROCESS_START = String.raw`
process_start() {
  read -r stat <"/proc/$1/stat" || return 1
  set -- ${'$'}{stat##*) }
  # A zombie has ended.
  [ "$1" != Z ] && echo "${'$'}{20}"
} 2>/dev/null
boot_id() { read -r id </proc/sys/kernel/random/boot_id; echo "${'$'}id"; }
uptime_seconds() { read -r up rest </proc/uptime; echo "${'$'}{up%.*}"; }
`;

/**
 * Maximum size in bytes of a step's output on the guest's disk. When the output is larger, only its last
 * {@link KEPT_OUTPUT} bytes stay.
 */
export const LARGEST_OUTPUT = 16 * 1024 * 1024;
export const KEPT_OUTPUT = 65_536;

/**
 * Shell function that prints the shell for a template's command: bash if the guest has it, else sh. Oz gives a command
 * to root's login shell, which is bash in every Linux that Oz builds.
 */
export const COMMAND_SHELL = `command_shell() { if command -v bash >/dev/null 2>&1; then echo bash; else echo sh; fi; }`;

/**
 * The script that runs a step, independently of the SSH connection. Arguments: the step's folder, the attempt's folder,
 * and 1 if bash runs a script that has no `#!` line, where the guest has bash.
 */
export const RUNNER = `${PROCESS_START}
${COMMAND_SHELL}
step=$1 try=$2 bash=$3
echo "$$ $(process_start $$) $(boot_id) $(uptime_seconds)" >"$try/start"
if ! ln "$try/start" "$step/start" 2>/dev/null; then
  rm -rf -- "$try"
  exit 0
fi
# A guest that crashes must remember that the step was begun.
sync "$step/start" "$step" 2>/dev/null || sync
: >"$step/output"
while sleep 2 && kill -0 $$ 2>/dev/null; do
  size=$(wc -c <"$step/output") || break
  [ "$size" -gt ${LARGEST_OUTPUT} ] || continue
  tail -c ${KEPT_OUTPUT} "$step/output" >"$step/tail"
  { echo "${DROPPED_OUTPUT}"; cat "$step/tail"; } >"$step/output"
done >/dev/null 2>&1 &
trimmer=$!
HOME=~root
[ -d "$HOME" ] || HOME=/
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME PATH
# Not by the shell's read, which takes one byte at a time.
first=$(head -c 256 "$try/script" | head -n 1)
case $first in
  '#!'*) interpreter=\${first#'#!'} ;;
  *) interpreter=sh; [ "$bash" != 1 ] || interpreter=$(command_shell) ;;
esac
(
  cd "$HOME" || exit 1
  umask 022
  set -f
  # Not the file itself: its file system may forbid to execute. The interpreter's arguments are split as a shell does.
  exec $interpreter "$try/script"
) </dev/null >>"$step/output" 2>&1
status=$?
kill "$trimmer" 2>/dev/null
# The step may have removed the journal itself.
mkdir -p -- "$step"
echo "$status" >"$step/status.new"
mv -f -- "$step/status.new" "$step/status"
`;

/**
 * A shell script that starts a step or attaches to it, and follows the step to its end. Its arguments:
 *
 * - `$1` the folder of the journal, `$2` the name of the step, `$7` its round
 * - `$3` the size of the step's script in bytes; the step's script comes on standard input
 * - `$4` the timeout of the step in seconds
 * - `$5` the maximum of bytes of earlier output that it prints when it attaches
 * - `$6` the text of `RUNNER`
 * - `$8` is 1 when the script must not attach to another round of the step
 * - `$9` is 1 when bash runs a script that has no `#!` line, where the guest has bash
 *
 * Standard output is the output of the step. Standard error gets a dot from time to time, so that the connection stays
 * open, and one last line: `<how> exited <status>`, `<how> deadline` (killed at its timeout), `<how> interrupted` (the
 * process is gone and has left no status), or `refused <why>` (the script could not start the step). `<how>` is
 * `started` or `attached`.
 */
export const FOLLOW = `${PROCESS_START}
journal=$1 step=$1/$2.$7 size=$3 timeout=$4 earlier=$5
say() { printf '\\n%s\\n' "$*" >&2; exit 0; }

pause() {
  sleep "$1" 2>/dev/null || sleep 1
}

begin() {
  umask 077
  mkdir -p -- "$step" && chmod 700 "$journal" || say refused "cannot make $step"
  try=$(mktemp -d "$step/try.XXXXXX") || say refused "cannot write to $step"
  # A lost connection looks like the end of the input: half a script must not run.
  if ! cat >"$try/script" || [ "$(wc -c <"$try/script")" -ne "$size" ]; then
    rm -rf -- "$try"
    say refused "only a part of the script arrived"
  fi
  command -v setsid >/dev/null || say refused "the guest has no setsid (package util-linux)"
  printf '%s' "$6" >"$try/runner"
  setsid sh "$try/runner" "$step" "$try" "$9" </dev/null >/dev/null 2>&1 &
  tries=0
  # A step that removes the journal may have ended before it was seen: then only its status is there.
  until [ -s "$step/start" ] || [ -s "$step/status" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || say refused "the script did not start"
    pause 0.1
  done
  how=attached
  [ "$(cat "$try/start" 2>/dev/null)" != "$(cat "$step/start" 2>/dev/null)" ] || how=started
}

# Prints what is new in the output.
show() {
  size=$(wc -c <"$step/output" 2>/dev/null) || return 0
  # It was cut down because it was too large.
  [ "$size" -ge "$shown" ] || shown=0
  [ "$size" -gt "$shown" ] || return 0
  tail -c "+$((shown + 1))" "$step/output" | head -c "$((size - shown))"
  shown=$size
}

finish() {
  show
  say "$how" "$@"
}

ended() {
  [ -s "$step/status" ] && finish exited "$(cat "$step/status")"
}

is_running() {
  [ "$(boot_id)" = "$boot" ] && [ "$(process_start "$pid")" = "$began" ]
}

# Takes another round of the step that needs no repeating.
choose_round() {
  for other in "$journal/$2".*; do
    if [ -s "$other/status" ]; then
      [ "$(cat "$other/status")" = 0 ] || continue
    else
      read -r pid began boot since <"$other/start" || continue
      is_running || continue
    fi
    step=$other
    return
  done 2>/dev/null
}

stop() {
  : >"$step/deadline"
  kill -TERM "-$pid" 2>/dev/null
  tries=0
  while kill -0 "-$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    pause 0.1
  done
  kill -KILL "-$pid" 2>/dev/null
}

[ "$8" = 1 ] || choose_round "$@"
if [ -s "$step/status" ] || [ -s "$step/start" ]; then how=attached; else begin "$@"; fi
shown=0
if [ "$how" = attached ] && [ -e "$step/output" ]; then
  shown=$(($(wc -c <"$step/output") - earlier))
  [ "$shown" -ge 0 ] || shown=0
fi
ended
read -r pid began boot since <"$step/start" || say refused "cannot read $step/start"
wait=0.05 rounds=0
while is_running; do
  show
  ended
  if [ "$(($(uptime_seconds) - since))" -ge "$timeout" ]; then stop; break; fi
  rounds=$((rounds + 1))
  case $rounds in 5) wait=0.2 ;; 15) wait=0.5 ;; 40) wait=1 ;; esac
  [ "$((rounds % 10))" -ne 0 ] || printf . >&2 || exit 1
  pause "$wait"
done
ended
[ ! -e "$step/deadline" ] || finish deadline
finish interrupted
`;
