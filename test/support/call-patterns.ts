import type { CallPattern } from '../fakes/openstack/core/call-log.js';

export const nova = (method: string, path: RegExp): CallPattern => ({ service: 'compute', method, path });
export const glance = (method: string, path: RegExp): CallPattern => ({ service: 'image', method, path });
export const cinder = (method: string, path: RegExp): CallPattern => ({ service: 'volume', method, path });
export const neutron = (method: string, path: RegExp): CallPattern => ({ service: 'network', method, path });

/** The first call of every guest step. With it the worker checks that the security group allows its SSH connection. */
export const FIND_SECURITY_GROUP = neutron('GET', /\/security-groups\?tags=/);
