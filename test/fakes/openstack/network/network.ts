import { randomUUID } from 'node:crypto';
import { ApiError, Routes, type Call, type Reply, type Service } from '../core/http.js';
import { asFields, asList, type Fields } from '../core/values.js';
import type { CloudState, FakePort } from '../state.js';
import type { AddressPool } from './address-pool.js';
import { listReply } from './filter.js';
import { FloatingIps, type FloatingIpEvents } from './floating-ips.js';
import { addSecurityGroupRoutes } from './security-groups.js';
import { NetworkViews } from './views.js';

const EXTENSIONS = ['standard-attr-tag', 'router', 'external-net', 'security-group', 'quotas', 'quota_details', 'port-security', 'binding', 'project-id', 'standard-attr-timestamp']; // prettier-ignore

/** A fake of Neutron's API v2.0: https://docs.openstack.org/api-ref/network/v2/ */
export class Network implements Service {
  readonly name = 'network';
  readonly routes = new Routes();
  readonly floatingIps: FloatingIps;
  private readonly views: NetworkViews;

  constructor(
    private readonly state: CloudState,
    private readonly pool: AddressPool,
    events: FloatingIpEvents,
  ) {
    this.views = new NetworkViews(state);
    this.floatingIps = new FloatingIps(state, this.views, pool, events);
    this.routes.on('GET', '/', (call) => ({
      status: 200,
      json: { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${call.endpoint}/v2.0/` }] }] },
    }));
    this.addExtensions();
    this.addLists();
    this.addPorts();
    addSecurityGroupRoutes(this.routes, state, this.views);
    this.floatingIps.addRoutes(this.routes);
    this.addTags();
    this.addQuotas();
  }

  isOpen(_method: string, path: string): boolean {
    return path === '/';
  }

  headers(call: Call): Record<string, string> {
    return { 'x-openstack-request-id': call.id };
  }

  errorReply(error: ApiError): Reply {
    if (error.status === 401) {
      return { status: 401, json: { error: { code: 401, title: 'Unauthorized', message: error.message } } };
    }
    return { status: error.status, json: { NeutronError: { type: error.type, message: error.message, detail: '' } } };
  }

  /** Creates a port on a network, with the next free address. @throws Error when the network has no free address */
  createPort(networkId: string, given: Partial<FakePort>): FakePort {
    const network = this.state.networks.get(networkId);
    const address = this.pool.take(networkId);
    if (network === undefined || address === undefined) throw new Error(`no addresses on network ${networkId}`);
    const id = randomUUID();
    const port: FakePort = {
      id,
      name: '',
      network_id: networkId,
      mac_address: `fa:16:3e:${id.slice(0, 6).replace(/(..)(?=.)/g, '$1:')}`,
      status: 'DOWN',
      device_id: '',
      device_owner: '',
      fixed_ips: [{ subnet_id: network.subnets[0] ?? '', ip_address: address }],
      security_groups: [],
      tags: [],
      created: Date.now(),
      ...given,
    };
    this.state.addPort(port);
    return port;
  }

  removePort(port: FakePort): void {
    for (const floating of this.state.findFloatingIps(port.id)) this.floatingIps.detach(floating);
    this.state.removePort(port);
    for (const { ip_address: address } of port.fixed_ips) this.pool.release(address);
  }

  private addExtensions(): void {
    const extension = (alias: string): Fields => ({
      name: alias,
      alias,
      description: alias,
      updated: '2017-01-01T00:00:00-00:00',
      links: [],
    });
    this.routes
      .on('GET', '/v2.0/extensions', () => ({ status: 200, json: { extensions: EXTENSIONS.map(extension) } }))
      .on('GET', '/v2.0/extensions/:alias', (call) => {
        const alias = call.params['alias'] ?? '';
        if (!EXTENSIONS.includes(alias))
          throw new ApiError(404, `Extension with alias ${alias} does not exist`, 'HTTPNotFound');
        return { status: 200, json: { extension: extension(alias) } };
      });
  }

  private addLists(): void {
    const common = ['id', 'name', 'status', 'tenant_id', 'project_id', 'admin_state_up', 'description', 'shared'];
    this.addList('networks', 'network', 'Network', this.state.networks, (network) => this.views.network(network), [
      ...common,
      'router:external',
      'mtu',
      'is_default',
    ]);
    this.addList('subnets', 'subnet', 'Subnet', this.state.subnets, (subnet) => this.views.subnet(subnet), [
      ...common,
      'network_id',
      'cidr',
      'ip_version',
      'gateway_ip',
      'enable_dhcp',
    ]);
    this.addList('routers', 'router', 'Router', this.state.routers, (router) => this.views.router(router), common);
    this.addList('ports', 'port', 'Port', this.state.ports, (port) => this.views.port(port), [
      ...common,
      'network_id',
      'device_id',
      'device_owner',
      'mac_address',
      'security_groups',
    ]);
  }

  private addList<T>(
    plural: string,
    singular: string,
    title: string,
    all: Map<string, T>,
    view: (item: T) => Fields,
    attributes: string[],
  ): void {
    this.routes
      .on('GET', `/v2.0/${plural}`, (call) => listReply(call, plural, [...all.values()].map(view), attributes))
      .on('GET', `/v2.0/${plural}/:id`, (call) => {
        const item = all.get(call.params['id'] ?? '');
        if (item === undefined)
          throw new ApiError(404, `${title} ${call.params['id']} could not be found.`, `${title}NotFound`);
        return { status: 200, json: { [singular]: view(item) } };
      });
  }

  private addPorts(): void {
    this.routes
      .on('POST', '/v2.0/ports', async (call) => {
        const given = asFields(asFields(await call.json())['port']);
        const networkId = String(given['network_id']);
        if (!this.state.networks.has(networkId))
          throw new ApiError(404, `Network ${networkId} could not be found.`, 'NetworkNotFound');
        const port = this.createPort(networkId, { name: String(given['name'] ?? '') });
        return { status: 201, json: { port: this.views.port(port) } };
      })
      .on('DELETE', '/v2.0/ports/:id', (call) => {
        const port = this.state.ports.get(call.params['id'] ?? '');
        if (port === undefined)
          throw new ApiError(404, `Port ${call.params['id']} could not be found.`, 'PortNotFound');
        this.removePort(port);
        return { status: 204 };
      });
  }

  private addTags(): void {
    this.routes
      .on('GET', '/v2.0/:type/:id/tags', (call) => ({ status: 200, json: { tags: this.findTagged(call).tags } }))
      .on('PUT', '/v2.0/:type/:id/tags', async (call) => {
        const body = asFields(await call.json());
        const item = this.findTagged(call);
        item.tags = [...new Set(asList(body['tags']).map(String))];
        return { status: 200, json: { tags: item.tags } };
      })
      .on('PUT', '/v2.0/:type/:id/tags/:tag', (call) => {
        const item = this.findTagged(call);
        item.tags = [...new Set([...item.tags, call.params['tag'] ?? ''])];
        return { status: 201, json: null };
      })
      .on('DELETE', '/v2.0/:type/:id/tags', (call) => {
        this.findTagged(call).tags = [];
        return { status: 204 };
      });
  }

  private findTagged(call: Call): { tags: string[] } {
    const { type = '', id = '' } = call.params;
    const all: Record<string, Map<string, { tags: string[] }>> = {
      networks: this.state.networks,
      ports: this.state.ports,
      floatingips: this.state.floatingIps,
      'security-groups': this.state.securityGroups,
    };
    const item = all[type]?.get(id);
    if (item !== undefined) return item;
    throw new ApiError(404, `Resource ${type.replaceAll('-', '_')} ${id} could not be found.`, 'TagResourceNotFound');
  }

  private addQuotas(): void {
    this.routes.on('GET', '/v2.0/quotas/:project', () => {
      const { floatingIps, securityGroups, ports } = this.state.quotas;
      const quota = { network: 100, subnet: 100, subnetpool: -1, port: ports, router: 10, floatingip: floatingIps, rbac_policy: 10, security_group: securityGroups, security_group_rule: -1 }; // prettier-ignore
      return { status: 200, json: { quota } };
    });
  }
}
