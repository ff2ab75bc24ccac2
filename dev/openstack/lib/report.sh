# shellcheck shell=bash
# What the person in front of it reads.

# A progress line, with the seconds since the command began.
say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }

# The end, with one sentence that says why. $EXIT: another exit code than 1.
fail() {
  printf 'cloud.sh: %s\n' "$*" >&2
  exit "${EXIT:-1}"
}

# The end, because this machine cannot hold the cloud; `make test` tells that apart by the exit code.
cannot() { EXIT=3 fail "this machine cannot hold the single-node OpenStack: $*"; }

# fail, with the last lines of a log below the sentence.
fail_with_log() {
  local log=$1
  shift
  printf 'cloud.sh: %s; the end of %s:\n' "$*" "$log" >&2
  tail -n 15 "$log" >&2 || true
  exit 1
}

explain_use() {
  cat <<X
[${SECONDS}s] OpenStack is up
  as an ordinary user   export OS_CLIENT_CONFIG_FILE=$STATE/clouds.yaml OS_CLOUD=imagefactory-dev
                        (or: . $STATE/openrc)
  as its administrator  export OS_CLIENT_CONFIG_FILE=$STATE/clouds.yaml OS_CLOUD=imagefactory-dev-admin
  networks              private ($PRIVATE_CIDR, behind a router), public ($PUBLIC_CIDR, floating IPs; this machine is $PUBLIC_GATEWAY)
  stop it               $HERE/cloud.sh stop (keeps the state) or purge
X
}
