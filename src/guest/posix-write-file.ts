/**
 * POSIX sh script that writes standard input to the file `$1`: the whole content, or nothing. `$2` is the number of
 * bytes that must arrive (a lost connection looks like the end of the input). `$3` is the mode; if it is empty, an
 * existing file keeps its mode and owner, and a new one gets 0644. The script follows a symbolic link.
 */
export const WRITE_FILE = String.raw`
set -u
path=$1 size=$2 mode=$3
[ ! -L "$path" ] || path=$(readlink -f -- "$path") || exit 1
if [ -d "$path" ]; then echo "$path is a directory" >&2; exit 1; fi
folder=$(dirname -- "$path")
umask 022
mkdir -p -- "$folder" || exit 1
new=$(mktemp "$folder/.imagefactory.XXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
# A lost connection: without this, the shell would end at once when it writes its message.
trap 'exit 1' HUP INT TERM PIPE
if [ -n "$mode" ]; then :
elif [ -e "$path" ]; then cp -p -- "$path" "$new" || exit 1
else mode=0644
fi
cat >"$new" || exit 1
if [ "$(wc -c <"$new")" -ne "$size" ]; then echo "only a part of the $size bytes arrived" >&2; exit 1; fi
if [ -n "$mode" ]; then chmod "$mode" "$new" || exit 1; fi
mv -f -- "$new" "$path" || exit 1
# The label that SELinux's policy has for the path, where there is one.
if command -v restorecon >/dev/null 2>&1; then restorecon "$path" 2>/dev/null; fi
exit 0
`;
