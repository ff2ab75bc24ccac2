#!/usr/bin/python3
"""What the cloud holds from the start, made through its own APIs, each only where it is missing.

Usage: resources.py catalogue | resources. Called by cloud.sh, which gives the settings in the environment.
"""

import os
import sys

import openstack

IP = os.environ['IP']

SERVICES = (
    # name, type, address
    ('glance', 'image', f'http://{IP}:9292'),
    ('placement', 'placement', f'http://{IP}:8778'),
    ('nova', 'compute', f'http://{IP}:8774/v2.1'),
    ('neutron', 'network', f'http://{IP}:9696'),
    # Nova looks for the type volumev3. Clients that look for the type block-storage accept volumev3 too.
    ('cinderv3', 'volumev3', f'http://{IP}:8776/v3/%(project_id)s'),
)

FLAVORS = (
    # id, name, vCPUs, MiB of memory, GiB of disk
    # m1.small, with which the demo and the tests build, has one vCPU, as in OpenStack's own list. Under emulation
    # an installation took 174 CPU seconds with two, and 148 with one (one run each).
    ('42', 'm1.nano', 1, 192, 1),
    ('84', 'm1.micro', 1, 512, 2),
    ('1', 'm1.tiny', 1, 1024, 5),
    ('2', 'm1.small', 1, 2048, 5),
    ('3', 'm1.medium', 2, 4096, 10),
    ('4', 'm1.large', 4, 8192, 20),
)


def make_catalogue(cloud):
    """The services' own user and project, and where each service is."""
    identity = cloud.identity
    project = identity.find_project('service') or identity.create_project(name='service', domain_id='default')
    user = identity.find_user('openstack') or identity.create_user(
        name='openstack', password=os.environ['SERVICE_PASSWORD'], domain_id='default'
    )
    for name in ('admin', 'service'):
        role = identity.find_role(name) or identity.create_role(name=name)
        identity.assign_project_role_to_user(project, user, role)
    services = {service.name: service for service in identity.services()}
    present = {(endpoint.service_id, endpoint.interface) for endpoint in identity.endpoints()}
    for name, kind, url in SERVICES:
        service = services.get(name) or identity.create_service(name=name, type=kind)
        for interface in ('public', 'internal', 'admin'):
            if (service.id, interface) not in present:
                identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id='RegionOne')


def make_project(cloud):
    """The project for builds and its ordinary user. The quotas are set once, so that a later change of them stays."""
    identity = cloud.identity
    project = identity.find_project('imagefactory')
    if project is None:
        project = identity.create_project(name='imagefactory', domain_id='default')
        set_quotas(cloud, project)
    user = identity.find_user('builder') or identity.create_user(
        name='builder', password=os.environ['BUILDER_PASSWORD'], domain_id='default', default_project_id=project.id
    )
    identity.assign_project_role_to_user(project, user, identity.find_role('member'))
    return project


def make_other_project(cloud):
    """A second project of the same user, to which images are pushed."""
    identity = cloud.identity
    project = identity.find_project('imagefactory-other') or identity.create_project(
        name='imagefactory-other', domain_id='default'
    )
    identity.assign_project_role_to_user(project, identity.find_user('builder'), identity.find_role('member'))
    return project


def set_quotas(cloud, project):
    instances = int(os.environ['QUOTA_INSTANCES'])
    cloud.set_compute_quotas(
        project.id,
        instances=instances,
        cores=int(os.environ['QUOTA_CORES']),
        ram=int(os.environ['QUOTA_RAM_MIB']),
        key_pairs=10 * instances,
    )
    cloud.set_network_quotas(
        project.id,
        floatingip=int(os.environ['QUOTA_FLOATING_IPS']),
        port=10 * instances,
        security_group=10 * instances,
        security_group_rule=100 * instances,
    )


def make_flavors(cloud):
    present = {flavor.id for flavor in cloud.compute.flavors(details=False)}
    for flavor_id, name, vcpus, ram, disk in FLAVORS:
        if flavor_id not in present:
            cloud.compute.create_flavor(id=flavor_id, name=name, vcpus=vcpus, ram=ram, disk=disk)


def make_public_network(cloud):
    """The flat external network: floating IPs and routers only, nobody boots on it, so it needs no DHCP."""
    network = cloud.network.find_network('public') or cloud.network.create_network(
        name='public', is_router_external=True, provider_network_type='flat', provider_physical_network='public'
    )
    if cloud.network.find_subnet('public-v4') is None:
        first, last = os.environ['PUBLIC_POOL'].split('-')
        cloud.network.create_subnet(
            name='public-v4',
            network_id=network.id,
            ip_version=4,
            cidr=os.environ['PUBLIC_CIDR'],
            gateway_ip=os.environ['PUBLIC_GATEWAY'],
            allocation_pools=[{'start': first, 'end': last}],
            is_dhcp_enabled=False,
        )
    return network


def make_private_network(cloud, project, public):
    """The project's own network, with a router whose gateway is on the external one."""
    mine = {'project_id': project.id}
    network = cloud.network.find_network('private', **mine) or cloud.network.create_network(name='private', **mine)
    subnet = cloud.network.find_subnet('private-v4', **mine)
    if subnet is None:
        subnet = cloud.network.create_subnet(
            name='private-v4', network_id=network.id, ip_version=4, cidr=os.environ['PRIVATE_CIDR'], **mine
        )
    router = cloud.network.find_router('private', **mine) or cloud.network.create_router(
        name='private', external_gateway_info={'network_id': public.id}, **mine
    )
    ports = cloud.network.ports(device_id=router.id, network_id=network.id)
    if not list(ports):
        cloud.network.add_interface_to_router(router, subnet_id=subnet.id)


def make_resources(cloud):
    make_flavors(cloud)
    project = make_project(cloud)
    public = make_public_network(cloud)
    make_private_network(cloud, project, public)
    make_private_network(cloud, make_other_project(cloud), public)


if __name__ == '__main__':
    {'catalogue': make_catalogue, 'resources': make_resources}[sys.argv[1]](openstack.connect(cloud='imagefactory-dev-admin'))
