import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { Session } from '../auth/keystone-session.js';
import { floatingip, network, port, router, rule, securityGroup } from './schemas.js';
import { type Query, ServiceClient } from '../auth/service-client.js';
import type { CallOptions } from '../../http/call-options.js';
import type { FloatingIp, Network, NeutronNetwork, Port, SecurityGroup, SecurityGroupRule } from './types.js';

/** Values of `device_owner` for the ports that connect a router to a network, for every kind of router. */
const ROUTER_PORT = /^network:(router_interface|router_interface_distributed|ha_router_replicated_interface)$/;

/** Client of Neutron (https://docs.openstack.org/api-ref/network/v2/). */
export class Neutron implements Network {
  private readonly service: ServiceClient;

  constructor(session: Session) {
    this.service = new ServiceClient(session, 'network', 'Neutron', 'v2.0');
  }

  /** Lists a collection over all pages. `key` is the name of the list in the response. */
  private async list<T>(
    collection: string,
    item: z.ZodType<T>,
    query: Query,
    signal: AbortSignal | undefined,
    key = collection,
  ): Promise<T[]> {
    const links = z.array(z.object({ rel: z.string(), href: z.string() })).optional();
    const page = z.object({ [key]: z.array(item), [`${key}_links`]: links }).transform((document) => ({
      items: document[key] as T[],
      next: (document[`${key}_links`] as z.infer<typeof links>)?.find((link) => link.rel === 'next')?.href,
    }));
    return this.service.list({ path: `/${collection}`, query, signal }, page, (read) => read);
  }

  async listNetworks(
    query: { external?: boolean; name?: string } = {},
    { signal }: CallOptions = {},
  ): Promise<NeutronNetwork[]> {
    const external = query.external === undefined ? undefined : String(query.external);
    return this.list('networks', network, { 'router:external': external, name: query.name }, signal);
  }

  /**
   * Finds a network by its id, else by its name.
   * @throws FactoryError BadRequest when several networks have the name
   */
  async findNetwork(idOrName: string, options: CallOptions = {}): Promise<NeutronNetwork | undefined> {
    const path = `/networks/${encodeURIComponent(idOrName)}`;
    const byId = await this.service.find({ method: 'GET', path, signal: options.signal }, z.object({ network }));
    if (byId !== undefined) return byId.network;
    const [found, ...others] = await this.listNetworks({ name: idOrName }, options);
    if (found === undefined || others.length === 0) return found;
    const ids = [found, ...others].map(({ id }) => id).join(', ');
    throw new FactoryError(
      'BadRequest',
      `cloud ${this.service.http.cloud} has several networks named ${idOrName}: ${ids}`,
      {
        hint: 'give the id of the network in place of its name',
      },
    );
  }

  async listPorts(
    query: { device_id?: string; network_id?: string; device_owner?: string; tags?: string[] },
    { signal }: CallOptions = {},
  ): Promise<Port[]> {
    return this.list('ports', port, { ...query, tags: query.tags?.join(',') }, signal);
  }

  async deletePort(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(`/ports/${encodeURIComponent(id)}`, signal);
  }

  async findExternalNetwork(networkId: string, options: CallOptions = {}): Promise<string | undefined> {
    const ports = await this.listPorts({ network_id: networkId }, options);
    const routers = new Set(
      ports.filter((found) => ROUTER_PORT.test(found.device_owner)).map((found) => found.device_id),
    );
    for (const id of routers) {
      const path = `/routers/${encodeURIComponent(id)}`;
      const found = await this.service.find({ method: 'GET', path, signal: options.signal }, z.object({ router }));
      const external = found?.router.external_gateway_info?.network_id;
      if (external !== undefined) return external;
    }
    return undefined;
  }

  async listFloatingIps(
    query: { tags?: string[]; port_id?: string; description?: string } = {},
    { signal }: CallOptions = {},
  ): Promise<FloatingIp[]> {
    return this.list('floatingips', floatingip, { ...query, tags: query.tags?.join(',') }, signal);
  }

  async createFloatingIp(
    { tags, ...request }: { floating_network_id: string; port_id?: string; description: string; tags: string[] },
    { signal }: CallOptions = {},
  ): Promise<FloatingIp> {
    const created = await this.service.requestJson(
      { method: 'POST', path: '/floatingips', json: { floatingip: request }, signal },
      z.object({ floatingip }),
    );
    return { ...created.floatingip, tags: await this.setTags('floatingips', created.floatingip.id, tags, { signal }) };
  }

  async updateFloatingIp(
    id: string,
    change: { port_id: string | null },
    { signal }: CallOptions = {},
  ): Promise<FloatingIp> {
    const path = `/floatingips/${encodeURIComponent(id)}`;
    const call = { method: 'PUT' as const, path, json: { floatingip: change }, signal };
    return (await this.service.requestJson(call, z.object({ floatingip }))).floatingip;
  }

  async deleteFloatingIp(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(`/floatingips/${encodeURIComponent(id)}`, signal);
  }

  async listSecurityGroups(
    query: { tags?: string[]; name?: string } = {},
    { signal }: CallOptions = {},
  ): Promise<SecurityGroup[]> {
    const filter = { tags: query.tags?.join(','), name: query.name };
    return this.list('security-groups', securityGroup, filter, signal, 'security_groups');
  }

  async createSecurityGroup(
    { tags, ...request }: { name: string; description: string; tags: string[] },
    { signal }: CallOptions = {},
  ): Promise<SecurityGroup> {
    const created = await this.service.requestJson(
      { method: 'POST', path: '/security-groups', json: { security_group: request }, signal },
      z.object({ security_group: securityGroup }),
    );
    const group = created.security_group;
    return { ...group, tags: await this.setTags('security-groups', group.id, tags, { signal }) };
  }

  /** Adds a rule. @throws FactoryError Conflict when the security group already has this rule */
  async addSecurityGroupRule(
    groupId: string,
    wanted: Omit<SecurityGroupRule, 'id'>,
    { signal }: CallOptions = {},
  ): Promise<SecurityGroupRule> {
    const json = { security_group_rule: { security_group_id: groupId, ...wanted } };
    const call = { method: 'POST' as const, path: '/security-group-rules', json, signal };
    return (await this.service.requestJson(call, z.object({ security_group_rule: rule }))).security_group_rule;
  }

  async deleteSecurityGroup(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(`/security-groups/${encodeURIComponent(id)}`, signal);
  }

  /**
   * Replaces all tags (https://docs.openstack.org/api-ref/network/v2/#replace-all-tags). A create call cannot set tags.
   */
  async setTags(
    collection: 'floatingips' | 'security-groups',
    id: string,
    tags: string[],
    { signal }: CallOptions = {},
  ): Promise<string[]> {
    const path = `/${collection}/${encodeURIComponent(id)}/tags`;
    const call = { method: 'PUT' as const, path, json: { tags }, signal };
    return (await this.service.requestJson(call, z.object({ tags: z.array(z.string()) }))).tags;
  }
}
