# shellcheck shell=bash
# Writes the configuration: the files of etc/ with values for their placeholders.

# Only Neutron's folder is open to other users, because dnsmasq reads its files as `nobody`.
make_folders() {
  mkdir -p "$STATE"/neutron/lock "$STATE"/lock "$STATE"/nova/instances "$STATE"/glance/{images,staging,tasks} \
    "$STATE"/cinder/mnt "$STATE"/libvirt/{etc,lib,run,log} "$STATE"/{mysql,rabbitmq} "$ETC" "$RUN" "$LOG"
  chmod 700 "$STATE"/{nova,glance,cinder,libvirt,mysql,rabbitmq} "$ETC" "$RUN" "$LOG"
}

# Makes the passwords and the hypervisor's UUID once. They stay the same until the state folder is deleted.
make_secrets() {
  local name
  [ -e "$STATE/secrets" ] || {
    for name in SERVICE_PASSWORD ADMIN_PASSWORD BUILDER_PASSWORD; do
      printf '%s=%s\n' "$name" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    done
    printf 'HOST_UUID=%s\n' "$(cat /proc/sys/kernel/random/uuid)"
  } >"$STATE/secrets"
  # shellcheck source=/dev/null
  . "$STATE/secrets"
}

# Prints kvm when the machine has hardware virtualisation, else qemu (emulation). /dev/kvm alone does not show it: on a
# processor without vmx or svm, KVM may accept a guest and never run it.
virtualisation() {
  if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then echo kvm; else echo qemu; fi
}

# Reads a template from standard input, and prints it with values for its @NAME@ placeholders.
fill_in() {
  sed -e "s|@STATE@|$STATE|g" -e "s|@ETC@|$ETC|g" -e "s|@RUN@|$RUN|g" -e "s|@LOG@|$LOG|g" -e "s|@IP@|$IP|g" \
    -e "s|@SERVICE_PASSWORD@|$SERVICE_PASSWORD|g" -e "s|@ADMIN_PASSWORD@|$ADMIN_PASSWORD|g" \
    -e "s|@BUILDER_PASSWORD@|$BUILDER_PASSWORD|g" -e "s|@HOST_UUID@|$HOST_UUID|g" \
    -e "s|@VIRT_TYPE@|$VIRT_TYPE|g" -e "s|@PUBLIC_CLOUD_END@|$PUBLIC_CLOUD_END|g" \
    -e "s|@QUOTA_VOLUMES@|$QUOTA_VOLUMES|g" -e "s|@QUOTA_GIGABYTES@|$QUOTA_GIGABYTES|g"
}

# An unchanged file is not written again, so its time is that of its last change. `outdated` compares this time.
write_config() {
  VIRT_TYPE=$(virtualisation)
  local file mask
  mask=$(umask)
  umask 077
  make_secrets
  while IFS= read -r file; do
    fill_in <"$HERE/etc/$file" >"$ETC/.new"
    install -C -D -m 600 "$ETC/.new" "$ETC/$file"
  done < <(cd "$HERE/etc" && find . -type f -printf '%P\n')
  rm "$ETC/.new"
  mv "$ETC/clouds.yaml" "$ETC/openrc" "$STATE/"
  mv "$ETC/qemu.conf" "$STATE/libvirt/etc/"
  umask "$mask"
}
