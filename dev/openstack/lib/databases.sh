# shellcheck shell=bash
# The databases are made and filled at the first start. Those of Nova and Neutron take longest, so they are filled at
# the same time as Keystone's.

DATABASES=(keystone glance placement nova_api nova nova_cell0 neutron cinder)

sql() { mariadb --no-defaults --user=root --socket="$RUN/mysql.sock" --skip-column-names --batch "$@"; }

make_mysql_folder() {
  [ ! -d "$STATE/mysql/mysql" ] || return 0
  mariadb-install-db --no-defaults --user=root --datadir="$STATE/mysql" --auth-root-authentication-method=normal --skip-test-db \
    >"$LOG/mysql-install.log" 2>&1 || fail_with_log "$LOG/mysql-install.log" 'mariadb-install-db failed'
}

make_databases() {
  printf 'create database if not exists %s character set utf8;\n' "${DATABASES[@]}" | sql
  printf "create user if not exists openstack@localhost identified by '%s'; grant all on *.* to openstack@localhost;\n" \
    "$SERVICE_PASSWORD" | sql
}

sync_keystone() {
  local manage=(keystone-manage --config-file "$ETC/keystone.conf")
  mkdir -p "$ETC/fernet-keys" "$ETC/credential-keys"
  "${manage[@]}" db_sync &&
    "${manage[@]}" fernet_setup --keystone-user root --keystone-group root &&
    "${manage[@]}" credential_setup --keystone-user root --keystone-group root &&
    OS_BOOTSTRAP_PASSWORD=$ADMIN_PASSWORD "${manage[@]}" bootstrap --bootstrap-region-id RegionOne \
      --bootstrap-admin-url "http://$IP:5000/v3" --bootstrap-internal-url "http://$IP:5000/v3" --bootstrap-public-url "http://$IP:5000/v3"
}

sync_nova() {
  local manage=(nova-manage --config-file "$ETC/common.conf" --config-file "$ETC/nova.conf")
  "${manage[@]}" api_db sync &&
    "${manage[@]}" cell_v2 map_cell0 &&
    "${manage[@]}" db sync &&
    { "${manage[@]}" cell_v2 list_cells | grep -q ' cell1 ' || "${manage[@]}" cell_v2 create_cell --name cell1; }
}

sync_the_rest() {
  neutron-db-manage --config-file "$ETC/common.conf" --config-file "$ETC/neutron.conf" --config-file "$ETC/ml2.ini" upgrade heads &&
    glance-manage --config-file "$ETC/common.conf" --config-file "$ETC/glance.conf" db_sync &&
    placement-manage --config-file "$ETC/placement/placement.conf" db sync &&
    cinder-manage --config-file "$ETC/common.conf" --config-file "$ETC/cinder.conf" db sync
}

# Fills the databases at the first start, and again when DATABASES has changed. Filling a database that is already
# filled changes nothing. The catalogue is made through Keystone's API, while the databases of Nova and Neutron are
# still being filled.
fill_databases() {
  local nova rest
  [ "$(cat "$STATE/databases.done" 2>/dev/null)" != "${DATABASES[*]}" ] || return 0
  make_databases
  sync_nova >"$LOG/sync-nova.log" 2>&1 9>&- &
  nova=$!
  sync_the_rest >"$LOG/sync-neutron.log" 2>&1 9>&- &
  rest=$!
  sync_keystone >"$LOG/sync-keystone.log" 2>&1 || fail_with_log "$LOG/sync-keystone.log" "filling Keystone's database failed"
  launch_stage identity
  await_stage identity
  in_cloud catalogue
  say 'Keystone has its users and its catalogue'
  wait "$nova" || fail_with_log "$LOG/sync-nova.log" "filling Nova's databases failed"
  wait "$rest" || fail_with_log "$LOG/sync-neutron.log" 'filling the databases of Neutron, Glance, Placement and Cinder failed'
  printf '%s\n' "${DATABASES[*]}" >"$STATE/databases.done"
  say 'databases are filled'
}

# Tells Nova that its compute node belongs to its cell.
map_compute_node() {
  [ "$(sql -e 'select count(*) from nova_api.host_mappings')" = 0 ] || return 0
  nova-manage --config-file "$ETC/common.conf" --config-file "$ETC/nova.conf" cell_v2 discover_hosts >>"$LOG/sync-nova.log" 2>&1 ||
    fail_with_log "$LOG/sync-nova.log" 'nova-manage cell_v2 discover_hosts failed'
}

# Runs resources.py with the argument $1 as administrator of the cloud.
in_cloud() {
  OS_CLIENT_CONFIG_FILE=$STATE/clouds.yaml SERVICE_PASSWORD=$SERVICE_PASSWORD BUILDER_PASSWORD=$BUILDER_PASSWORD IP=$IP \
    PUBLIC_CIDR=$PUBLIC_CIDR PUBLIC_GATEWAY=$PUBLIC_GATEWAY PUBLIC_POOL=$PUBLIC_POOL PRIVATE_CIDR=$PRIVATE_CIDR \
    QUOTA_INSTANCES=$QUOTA_INSTANCES QUOTA_CORES=$QUOTA_CORES QUOTA_RAM_MIB=$QUOTA_RAM_MIB QUOTA_FLOATING_IPS=$QUOTA_FLOATING_IPS \
    /usr/bin/python3 "$HERE/resources.py" "$1" >"$LOG/resources.log" 2>&1 ||
    fail_with_log "$LOG/resources.log" "making the cloud's $1 failed"
}

make_resources() {
  in_cloud resources
  say 'flavors, project, networks and router are there'
}
