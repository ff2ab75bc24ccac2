# shellcheck shell=bash disable=SC2034 # the other parts use these
# What the cloud is called and where it sits. Everything that may be set from outside has a name with IMAGEFACTORY_CLOUD_.

# Not under /root or another private folder: dnsmasq gives up root and reads its hosts file as `nobody`.
STATE=${IMAGEFACTORY_CLOUD_DIR:-/var/lib/imagefactory-cloud}
ETC=$STATE/etc
RUN=$STATE/run
LOG=$STATE/log

# Every service listens here.
IP=127.0.0.1

# The external network `public`: a veth pair is its cable. The host holds the gateway's address on one end, Neutron takes the other.
PUBLIC_CIDR=198.51.100.0/24
PUBLIC_GATEWAY=198.51.100.1
PUBLIC_POOL=198.51.100.50-198.51.100.199
PUBLIC_HOST_END=imgcloud-host
PUBLIC_CLOUD_END=imgcloud-net

# The project's own network `private`, behind a router.
PRIVATE_CIDR=10.20.0.0/24

# Quota of the project `imagefactory`, set when the project is made; `openstack quota set` changes it for good. That of volumes, and
# of their GiB, is every project's.
QUOTA_INSTANCES=${IMAGEFACTORY_CLOUD_QUOTA_INSTANCES:-50}
QUOTA_CORES=${IMAGEFACTORY_CLOUD_QUOTA_CORES:-100}
QUOTA_RAM_MIB=${IMAGEFACTORY_CLOUD_QUOTA_RAM_MIB:-204800}
QUOTA_FLOATING_IPS=${IMAGEFACTORY_CLOUD_QUOTA_FLOATING_IPS:-100}
QUOTA_VOLUMES=${IMAGEFACTORY_CLOUD_QUOTA_VOLUMES:-60}
QUOTA_GIGABYTES=${IMAGEFACTORY_CLOUD_QUOTA_GIGABYTES:-1000}

# Seconds that a service may take until it is ready, and until it has stopped.
READY_TIMEOUT=${IMAGEFACTORY_CLOUD_READY_TIMEOUT:-180}
STOP_TIMEOUT=15
