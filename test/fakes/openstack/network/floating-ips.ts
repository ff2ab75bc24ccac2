import { randomUUID } from 'node:crypto';
import { ApiError, type Call, type Reply, type Routes } from '../core/http.js';
import { quotaError } from '../core/quota-error.js';
import { asText, asTextOr, type Fields } from '../core/values.js';
import type { CloudState, FakeFloatingIp, FakePort } from '../state.js';
import type { AddressPool } from './address-pool.js';
import { checkAttributes, readResource } from './body.js';
import { listReply } from './filter.js';
import type { NetworkViews } from './views.js';

const ATTRIBUTES = ['id', 'floating_network_id', 'floating_ip_address', 'port_id', 'fixed_ip_address', 'router_id', 'status', 'description', 'project_id', 'tenant_id', 'revision_number']; // prettier-ignore

/** Functions that are called when floating IPs change, so that the SSH ports of the guests can be moved too. */
export interface FloatingIpEvents {
  /** Called when a floating IP has been moved to another port, or to no port. */
  onMove(floating: FakeFloatingIp): void;
}

/** Neutron's floating IPs: https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips */
export class FloatingIps {
  constructor(
    private readonly state: CloudState,
    private readonly views: NetworkViews,
    private readonly pool: AddressPool,
    private readonly events: FloatingIpEvents,
  ) {}

  addRoutes(routes: Routes): void {
    const show = (floating: FakeFloatingIp): Fields => ({ floatingip: this.views.floatingIp(floating) });
    routes
      .on('GET', '/v2.0/floatingips', (call) =>
        listReply(
          call,
          'floatingips',
          [...this.state.floatingIps.values()].map((floating) => this.views.floatingIp(floating)),
          ATTRIBUTES,
        ),
      )
      .on('POST', '/v2.0/floatingips', async (call) => ({
        status: 201,
        json: show(this.create(readResource(await call.json(), 'floatingip'))),
      }))
      .on('GET', '/v2.0/floatingips/:id', (call) => ({ status: 200, json: show(this.find(call)) }))
      .on('PUT', '/v2.0/floatingips/:id', async (call) => ({
        status: 200,
        json: show(this.update(call, readResource(await call.json(), 'floatingip'))),
      }))
      .on('DELETE', '/v2.0/floatingips/:id', (call) => this.delete(call));
  }

  remove(floating: FakeFloatingIp): void {
    floating.port_id = null;
    this.events.onMove(floating);
    this.state.floatingIps.delete(floating.id);
    this.pool.release(floating.floating_ip_address);
  }

  /** Detaches the floating IP from its port, as Neutron does when the port is deleted. */
  detach(floating: FakeFloatingIp): void {
    this.attach(floating, null);
  }

  private create(given: Fields): FakeFloatingIp {
    checkAttributes(given, [...ATTRIBUTES, 'subnet_id']);
    const networkId = asTextOr(given['floating_network_id'], '');
    const network = this.state.networks.get(networkId);
    if (network === undefined) throw new ApiError(404, `Network ${networkId} could not be found.`, 'NetworkNotFound');
    if (!network.external) {
      throw new ApiError(
        400,
        `Bad floatingip request: Network ${networkId} is not a valid external network.`,
        'BadRequest',
      );
    }
    const limit = this.state.quotas.floatingIps;
    if (limit >= 0 && this.state.floatingIps.size >= limit) throw quotaError('network');
    const now = Date.now();
    const address = this.pool.take(networkId);
    if (address === undefined)
      throw new ApiError(409, `No more IP addresses available on network ${networkId}.`, 'IpAddressGenerationFailure');
    const floating: FakeFloatingIp = {
      id: randomUUID(),
      floating_ip_address: address,
      floating_network_id: networkId,
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
      status: 'DOWN',
      description: asTextOr(given['description'], ''),
      tags: [],
      created: now,
      updated: now,
    };
    const port = this.findFreePort(given['port_id']);
    this.state.floatingIps.set(floating.id, floating);
    if (port !== null) this.attach(floating, port);
    return floating;
  }

  private findFreePort(id: unknown): FakePort | null {
    if (id === null || id === undefined) return null;
    const port = this.state.ports.get(asTextOr(id, ''));
    if (port === undefined) throw new ApiError(404, `Port ${String(id)} could not be found.`, 'PortNotFound');
    const taken = this.state.findFloatingIps(port.id)[0];
    if (taken !== undefined) {
      throw new ApiError(
        409,
        `Cannot associate floating IP with port ${port.id} using fixed IP ${port.fixed_ips[0]?.ip_address}, as that fixed IP already has a floating IP on external network ${taken.floating_network_id}.`,
        'FloatingIPPortAlreadyAssociated',
      );
    }
    return port;
  }

  private attach(floating: FakeFloatingIp, port: FakePort | null): void {
    const router = [...this.state.routers.values()].find(
      (candidate) => candidate.external === floating.floating_network_id,
    );
    floating.port_id = port?.id ?? null;
    floating.fixed_ip_address = port?.fixed_ips[0]?.ip_address ?? null;
    floating.router_id = port === null ? null : (router?.id ?? null);
    floating.updated = Date.now();
    this.events.onMove(floating);
  }

  private find(call: Call): FakeFloatingIp {
    const id = call.params['id'] ?? '';
    const floating = this.state.floatingIps.get(id);
    if (floating === undefined) throw new ApiError(404, `Floating IP ${id} could not be found`, 'FloatingIPNotFound');
    return floating;
  }

  private update(call: Call, given: Fields): FakeFloatingIp {
    const floating = this.find(call);
    if (asText(given['description']) !== undefined) floating.description = String(given['description']);
    if ('port_id' in given && given['port_id'] !== floating.port_id)
      this.attach(floating, this.findFreePort(given['port_id']));
    return floating;
  }

  private delete(call: Call): Reply {
    this.remove(this.find(call));
    return { status: 204 };
  }
}
