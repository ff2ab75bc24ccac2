# shellcheck shell=bash
# Installs the Debian packages that the cloud needs. Calls apt only when a package is missing.

listed_packages() { sed 's/#.*//' "$HERE/packages" | xargs; }

missing_packages() {
  local installed package
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package}\n' | sed -n 's/^installed://p' | tr '\n' ' ') "
  for package in $(listed_packages); do
    [[ $installed == *" $package "* ]] || printf '%s\n' "$package"
  done
}

# Neutron 26 (OpenStack 2025.1) no longer has the Linux bridge agent, which this cloud uses.
check_release() {
  local package major
  for package in "$@"; do
    apt-cache show "$package" >/dev/null 2>&1 || cannot "its distribution has no package $package"
  done
  major=$(apt-cache show neutron-common | sed -n 's/^Version: \([0-9]*:\)\?\([0-9]*\).*/\2/p' | head -n 1)
  ((major < 26)) || cannot "its distribution's Neutron is version $major, and only versions up to 25 have the Linux bridge agent"
}

install_packages() {
  local missing=() policy=/usr/sbin/policy-rc.d made=
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  say "installing Debian packages: ${missing[*]}"
  apt-get update -qq -o DPkg::Lock::Timeout=600 >"$LOG/apt.log" 2>&1 || fail_with_log "$LOG/apt.log" 'apt-get update failed'
  check_release "${missing[@]}"
  if [ ! -e "$policy" ]; then # the packages' own services must not start: ours have other ports, folders and settings
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=$policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 \
    -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io "${missing[@]}" >>"$LOG/apt.log" 2>&1 9>&- ||
    fail_with_log "$LOG/apt.log" 'apt-get install failed'
  if [ -n "$made" ]; then
    rm -f "$made"
    trap - EXIT
  fi
  say 'packages installed'
}
