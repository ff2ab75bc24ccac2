import { z } from 'zod';

/** Schemas of the fields that we read from Neutron's responses (https://docs.openstack.org/api-ref/network/v2/). */

/** Fields of most resources: the project that the resource belongs to, and the time of its creation. */
const ownership = { project_id: z.string().optional(), created_at: z.string().optional() };

export const network = z.object({
  id: z.string(),
  name: z.string(),
  'router:external': z.boolean().default(false),
  shared: z.boolean().default(false),
  project_id: z.string().default(''),
  subnets: z.array(z.string()).default([]),
  status: z.string(),
});
export const port = z.object({
  id: z.string(),
  device_id: z.string().default(''),
  device_owner: z.string().default(''),
  network_id: z.string(),
  fixed_ips: z.array(z.object({ subnet_id: z.string(), ip_address: z.string() })).default([]),
  status: z.string(),
  name: z.string().optional(),
  tags: z.array(z.string()).optional(),
  ...ownership,
});
export const floatingip = z.object({
  id: z.string(),
  floating_ip_address: z.string(),
  floating_network_id: z.string(),
  fixed_ip_address: z.string().nullable().default(null),
  port_id: z.string().nullable().default(null),
  status: z.string(),
  description: z.string().default(''),
  tags: z.array(z.string()).default([]),
  ...ownership,
});
export const rule = z.object({
  id: z.string(),
  direction: z.enum(['ingress', 'egress']),
  ethertype: z.enum(['IPv4', 'IPv6']),
  protocol: z.string().nullable().default(null),
  port_range_min: z.number().nullable().default(null),
  port_range_max: z.number().nullable().default(null),
  remote_ip_prefix: z.string().nullable().default(null),
});
export const securityGroup = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().default(''),
  tags: z.array(z.string()).default([]),
  security_group_rules: z.array(rule).default([]),
  ...ownership,
});
export const router = z.object({ external_gateway_info: z.object({ network_id: z.string() }).nullish() });
