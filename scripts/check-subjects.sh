#!/bin/sh
# Checks the subjects of commits: they must have the form `scope: what` and at most 72 characters. It does not check
# merges.
#
#   scripts/check-subjects.sh RANGE    for example origin/main..HEAD
set -eu
export LC_ALL=C.UTF-8
git log --no-merges --format='%h %s' "${1:?usage: scripts/check-subjects.sh RANGE}" | {
  code=0
  while read -r commit subject; do
    if ! printf '%s\n' "$subject" | grep -qE '^[a-z0-9][a-z0-9,./ -]*: [^ ]'; then
      echo "$commit does not read 'scope: what': $subject"
      code=1
    elif [ "$(printf %s "$subject" | wc -m)" -gt 72 ]; then
      echo "$commit has more than 72 characters: $subject"
      code=1
    fi
  done
  exit $code
}
