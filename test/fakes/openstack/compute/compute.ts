import { ApiError, errorPage, Routes, TITLES, type Call, type Reply, type Service } from '../core/http.js';
import { asTextMap, asFields, asList, type Fields } from '../core/values.js';
import type { CloudState, FakeServer } from '../state.js';
import type { ServerActions } from './actions.js';
import { readCreateRequest } from './create-request.js';
import { diagnosticsView } from './diagnostics.js';
import { addFlavorRoutes } from './flavors.js';
import { addKeyPairRoutes } from './keypairs.js';
import { addLimitRoutes } from './limits.js';
import type { ServerLifecycle } from './server-lifecycle.js';
import { listServers } from './server-list.js';
import { buildLinks, serverView } from './server-view.js';
import { volumeAttachmentViews } from './volume-attachments.js';

/** Minor number of Nova's newest microversion in the release Zed: 2.93. */
const NEWEST = 93;

const ERROR_NAMES: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  429: 'overLimit',
  503: 'serviceUnavailable',
};

/** A fake of Nova's API v2.1: https://docs.openstack.org/api-ref/compute/ */
export class Compute implements Service {
  readonly name = 'compute';
  readonly routes = new Routes();

  constructor(
    private readonly state: CloudState,
    private readonly lifecycle: ServerLifecycle,
    actions: ServerActions,
  ) {
    this.routes
      .on('GET', '/', (call) => ({ status: 200, json: { versions: [oldVersion(call), version(call)] } }))
      .on('GET', '/v2.1', (call) => ({ status: 200, json: { version: version(call) } }))
      .on('GET', '/v2.1/servers', (call) => listServers(state, call, false))
      .on('GET', '/v2.1/servers/detail', (call) => listServers(state, call, true))
      .on('POST', '/v2.1/servers', (call) => this.create(call))
      .on('GET', '/v2.1/servers/:id', (call) => ({
        status: 200,
        json: { server: serverView(state, this.find(call), call.endpoint, call.microversion) },
      }))
      .on('PUT', '/v2.1/servers/:id', (call) => this.rename(call))
      .on('DELETE', '/v2.1/servers/:id', (call) => this.delete(call))
      .on('POST', '/v2.1/servers/:id/action', (call) => actions.run(call));
    this.addParts();
    addFlavorRoutes(this.routes, state);
    addKeyPairRoutes(this.routes, state);
    addLimitRoutes(this.routes, state);
  }

  isOpen(_method: string, path: string): boolean {
    return path === '/' || path === '/v2.1';
  }

  headers(call: Call): Record<string, string> {
    const spoken = `2.${call.microversion}`;
    const version: Record<string, string> =
      call.path === '/' ? {} : { 'openstack-api-version': `compute ${spoken}`, 'x-openstack-nova-api-version': spoken };
    return {
      ...version,
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
      'x-openstack-request-id': call.id,
      'x-compute-request-id': call.id,
    };
  }

  errorReply(error: ApiError): Reply {
    const { status, message } = error;
    if (status === 401) return { status, json: { error: { code: status, title: 'Unauthorized', message } } };
    // For an unknown path Nova's router sends an HTML page instead of JSON.
    if (status === 404 && message === 'The resource could not be found.')
      return { status, html: errorPage(404, TITLES[404] ?? '', message) };
    return { status, json: { [ERROR_NAMES[status] ?? 'computeFault']: { code: status, message } } };
  }

  /** Reads the requested microversion. @throws ApiError 400 or 406 when Nova does not support it */
  prepare(call: Call): void {
    const header = call.headers['openstack-api-version'] ?? call.headers['x-openstack-nova-api-version'];
    if (header === undefined || /latest$/.test(String(header))) {
      if (header !== undefined) call.microversion = NEWEST;
      return;
    }
    const wanted = String(header).replace(/^compute\s+/, '');
    if (!/^\d+\.\d+$/.test(wanted)) {
      throw new ApiError(
        400,
        `API Version String ${wanted} is of invalid format. Must be of format MajorNum.MinorNum.`,
      );
    }
    if (call.microversion > NEWEST || call.microversion < 1) {
      throw new ApiError(
        406,
        `Version ${wanted} is not supported by the API. Minimum is 2.1 and maximum is 2.${NEWEST}.`,
      );
    }
  }

  private find(call: Call): FakeServer {
    const id = call.params['id'] ?? '';
    const server = this.state.servers.get(id);
    if (server === undefined) throw new ApiError(404, `Instance ${id} could not be found.`);
    return server;
  }

  private async create(call: Call): Promise<Reply> {
    const body = await call.json();
    const request = readCreateRequest(this.state, body, call.microversion);
    const servers = Array.from({ length: request.count }, (_, index) => this.lifecycle.create(request, index));
    const [first] = servers;
    if (first === undefined) throw new ApiError(400, 'min_count must be positive');
    const self = buildLinks(call.endpoint, `servers/${first.id}`);
    return {
      status: 202,
      headers: { location: String(self[0]?.['href']) },
      json: {
        server: {
          id: first.id,
          links: self,
          'OS-DCF:diskConfig': 'MANUAL',
          security_groups: request.groups.map(({ name }) => ({ name })),
          adminPass: first.id.slice(0, 12),
        },
      },
    };
  }

  private async rename(call: Call): Promise<Reply> {
    const given = asFields(asFields(await call.json())['server']);
    const server = this.find(call);
    if (typeof given['name'] === 'string') server.name = given['name'];
    if (typeof given['description'] === 'string') server.description = given['description'];
    return { status: 200, json: { server: serverView(this.state, server, call.endpoint, call.microversion) } };
  }

  private delete(call: Call): Reply {
    const server = this.find(call);
    if (server.gone) throw new ApiError(404, `Instance ${server.id} could not be found.`);
    this.lifecycle.delete(server);
    return { status: 204 };
  }

  private addParts(): void {
    this.routes
      .on('GET', '/v2.1/servers/:id/diagnostics', (call) => {
        const server = this.find(call);
        if (server.status !== 'ACTIVE') {
          throw new ApiError(
            409,
            `Cannot 'get_diagnostics' instance ${server.id} while it is in vm_state ${server.vmState}`,
          );
        }
        const mac = this.state.findPorts(server.id)[0]?.mac_address ?? '';
        return { status: 200, json: diagnosticsView(server, mac, call.microversion) };
      })
      .on('GET', '/v2.1/servers/:id/metadata', (call) => ({
        status: 200,
        json: { metadata: this.find(call).metadata },
      }))
      .on('POST', '/v2.1/servers/:id/metadata', async (call) => {
        const given = asTextMap(asFields(await call.json())['metadata']);
        return { status: 200, json: { metadata: Object.assign(this.find(call).metadata, given) } };
      })
      .on('GET', '/v2.1/servers/:id/tags', (call) => ({ status: 200, json: { tags: this.find(call).tags } }))
      .on('PUT', '/v2.1/servers/:id/tags', async (call) => {
        const tags = asList(asFields(await call.json())['tags']).map(String);
        this.find(call).tags = tags;
        return { status: 200, json: { tags } };
      })
      .on('GET', '/v2.1/servers/:id/os-interface', (call) => ({
        status: 200,
        json: { interfaceAttachments: this.interfaces(this.find(call)) },
      }))
      .on('GET', '/v2.1/servers/:id/os-security-groups', (call) => {
        const groups = this.find(call).securityGroups.map((id) => ({
          id,
          name: this.state.securityGroups.get(id)?.name,
          tenant_id: this.state.projectId,
          rules: [],
        }));
        return { status: 200, json: { security_groups: groups } };
      })
      .on('GET', '/v2.1/servers/:id/os-volume_attachments', (call) => ({
        status: 200,
        json: { volumeAttachments: volumeAttachmentViews(this.state, this.find(call), call.microversion) },
      }));
  }

  private interfaces(server: FakeServer): Fields[] {
    return this.state.findPorts(server.id).map((port) => ({
      net_id: port.network_id,
      port_id: port.id,
      mac_addr: port.mac_address,
      port_state: port.status,
      fixed_ips: port.fixed_ips,
    }));
  }
}

function version(call: Call): Fields {
  return {
    id: 'v2.1',
    status: 'CURRENT',
    version: `2.${NEWEST}`,
    min_version: '2.1',
    updated: '2013-07-23T11:33:21Z',
    links: [
      { rel: 'self', href: `${call.endpoint}/v2.1/` },
      { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
    ],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }],
  };
}

function oldVersion(call: Call): Fields {
  return {
    id: 'v2.0',
    status: 'SUPPORTED',
    version: '',
    min_version: '',
    updated: '2011-01-21T11:33:21Z',
    links: [{ rel: 'self', href: `${call.endpoint}/v2/` }],
  };
}
