# shellcheck shell=bash disable=SC2034 # the other parts use these
# The names, addresses and sizes of the cloud. Users can set the values whose names begin with IMAGEFACTORY_CLOUD_ in
# the environment.

# The folder must not be in /root or in another private folder, because dnsmasq gives up root and reads its hosts file
# as `nobody`.
STATE=${IMAGEFACTORY_CLOUD_DIR:-/var/lib/imagefactory-cloud}
ETC=$STATE/etc
RUN=$STATE/run
LOG=$STATE/log

# The address on which every service listens.
IP=127.0.0.1

# The external network `public` uses a veth pair as its cable. One end is on the host and has the gateway's address.
# Neutron uses the other end.
PUBLIC_CIDR=198.51.100.0/24
PUBLIC_GATEWAY=198.51.100.1
PUBLIC_POOL=198.51.100.50-198.51.100.199
PUBLIC_HOST_END=imgcloud-host
PUBLIC_CLOUD_END=imgcloud-net

# The project's own network `private`, behind a router.
PRIVATE_CIDR=10.20.0.0/24

# Quota of the project `imagefactory`. It is set when the project is made; later, `openstack quota set` changes it
# permanently. The quotas of volumes and of their size in GiB are the defaults of every project.
QUOTA_INSTANCES=${IMAGEFACTORY_CLOUD_QUOTA_INSTANCES:-50}
QUOTA_CORES=${IMAGEFACTORY_CLOUD_QUOTA_CORES:-100}
QUOTA_RAM_MIB=${IMAGEFACTORY_CLOUD_QUOTA_RAM_MIB:-204800}
QUOTA_FLOATING_IPS=${IMAGEFACTORY_CLOUD_QUOTA_FLOATING_IPS:-100}
QUOTA_VOLUMES=${IMAGEFACTORY_CLOUD_QUOTA_VOLUMES:-60}
QUOTA_GIGABYTES=${IMAGEFACTORY_CLOUD_QUOTA_GIGABYTES:-1000}

# READY_TIMEOUT: seconds within which a service must be ready after its start. STOP_TIMEOUT: seconds within which it
# must have stopped.
READY_TIMEOUT=${IMAGEFACTORY_CLOUD_READY_TIMEOUT:-180}
STOP_TIMEOUT=15
