# shellcheck shell=bash
# Prints messages for the user.

# Prints a progress line, with the seconds since the command began.
say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }

# Prints one sentence that says why the command failed, and exits. $EXIT: the exit code, default 1.
fail() {
  printf 'cloud.sh: %s\n' "$*" >&2
  exit "${EXIT:-1}"
}

# Exits because this machine cannot run the cloud. The exit code 3 tells `make test` that this is the reason.
cannot() { EXIT=3 fail "this machine cannot hold the single-node OpenStack: $*"; }

# Like `fail`, and prints the last lines of a log below the sentence.
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
