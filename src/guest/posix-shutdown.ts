import type { ScriptWithInput, ShutDownRequest } from './guest-shell.js';
import { quoteShellWord } from './shell.js';

const HOMES = `echo ~root; { getent passwd || cat /etc/passwd; } | cut -d: -f6`;
const POWER_OFF = 'systemctl poweroff || shutdown -P now || poweroff || halt -p';

/**
 * Builds the script that removes the key and powers the guest off. The script does not depend on the connection: after
 * it has begun, it runs to its end. So a lost connection never leaves a machine that runs but no longer accepts our
 * key. The script removes each line with the key as a whole, with options and forced commands, and deletes an
 * `authorized_keys` file that has no other lines.
 */
function buildShutDownWork(request: ShutDownRequest): string {
  const { blob, cleanUp, cleanAtShutdown = '', homes = HOMES, powerOff = POWER_OFF } = request;
  return `
blob=${quoteShellWord(blob)}
forget() {
  grep -qF -- "$blob" "$1" 2>/dev/null || return 0
  rest=$(grep -vF -- "$blob" "$1")
  # Written in place: owner, mode and SELinux label stay.
  if [ -n "$rest" ]; then printf '%s\\n' "$rest" >"$1"; else rm -f -- "$1"; fi
  grep -qF -- "$blob" "$1" 2>/dev/null || return 0
  echo "cannot take the build's key out of $1"
  return 1
}
{ ${homes}
} | sort -u | {
  failed=0
  while read -r home; do
    for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do forget "$file" || failed=1; done
  done
  exit $failed
} >"$1/said" 2>&1 || { echo failed >"$1/result"; exit 1; }
{ ${cleanUp}
} >/dev/null 2>&1
sync
echo done >"$1/result"
# The reply goes out first.
sleep 1
rm -rf -- "$1"
( :
${cleanAtShutdown}
) >/dev/null 2>&1
{ ${powerOff}
}
`;
}

/**
 * Builds the script that reads {@link buildShutDownWork}'s script of `size` bytes from its standard input, starts it,
 * and waits for its result, at most 30 seconds. The other script is not an argument, because Linux limits one argument
 * to 128 KiB, and the list of the template's files may be longer.
 * https://man7.org/linux/man-pages/man2/execve.2.html
 */
function buildSupervisor(size: number): string {
  return `
umask 077
run=$(mktemp -d /run/imagefactory.XXXXXX 2>/dev/null) || run=$(mktemp -d) || exit 1
# A lost connection looks like the end of the input: half a script must not run.
if ! cat >"$run/work" || [ "$(wc -c <"$run/work")" -ne ${size} ]; then
  rm -rf -- "$run"
  echo 'only a part of the shutdown script arrived' >&2
  exit 1
fi
setsid sh "$run/work" "$run" </dev/null >/dev/null 2>&1 &
tries=0
until [ -s "$run/result" ] || [ "$tries" -ge 300 ]; do
  tries=$((tries + 1))
  sleep 0.1 2>/dev/null || sleep 1
  [ -d "$run" ] || exit 0
done
case $(cat "$run/result" 2>/dev/null) in
  done) exit 0 ;;
esac
cat "$run/said" >&2
rm -rf -- "$run"
exit 1
`;
}

/** Builds a script that removes a key from every `authorized_keys` of root and all home directories, and powers off. */
export function buildShutDownScript(request: ShutDownRequest): ScriptWithInput {
  const input = buildShutDownWork(request);
  return { script: buildSupervisor(Buffer.byteLength(input)), input };
}
