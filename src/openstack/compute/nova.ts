import { defined } from '../../domain/defined.js';
import { FactoryError } from '../../domain/errors.js';
import {
  consoleSchema,
  createdServerSchema,
  diagnosticsSchema,
  flavorPage,
  flavorSchema,
  keyPairPage,
  keyPairSchema,
  limitsSchema,
  findNextLink,
  serverPage,
  serverSchema,
  snapshotSchema,
} from './schemas.js';
import type { Session } from '../auth/keystone-session.js';
import { negotiateMicroversion } from './microversion.js';
import { ServiceClient, type ServiceCall } from '../auth/service-client.js';
import { raceAbort } from '../../http/race-abort.js';
import type { CallOptions } from '../../http/call-options.js';
import type { Compute, CreateServer, Flavor, KeyPair, Server } from './types.js';

/**
 * Client of Nova (https://docs.openstack.org/api-ref/compute/). Uses the newest microversion that both this program and
 * Nova support.
 */
export class Nova implements Compute {
  private readonly service: ServiceClient;
  private microversion: Promise<string> | undefined;

  constructor(session: Session) {
    this.service = new ServiceClient(session, 'compute', 'Nova', 'v2.1');
  }

  /** Returns the header that selects the microversion. The first call negotiates it with Nova. */
  private async buildHeaders(signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const microversion = await raceAbort(signal, () => {
      this.microversion ??= negotiateMicroversion(this.service).catch((error: unknown) => {
        this.microversion = undefined;
        throw error;
      });
      return this.microversion;
    });
    return { 'openstack-api-version': `compute ${microversion}` };
  }

  private async buildCall(call: ServiceCall): Promise<ServiceCall> {
    return { ...call, headers: await this.buildHeaders(call.signal) };
  }

  private async buildGet(path: string, signal: AbortSignal | undefined): Promise<ServiceCall> {
    return this.buildCall({ method: 'GET', path, signal });
  }

  private async buildAction(
    id: string,
    action: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<ServiceCall> {
    return this.buildCall({ method: 'POST', path: `/servers/${encodeURIComponent(id)}/action`, json: action, signal });
  }

  async listServers(query: { tags?: string[]; name?: string } = {}, { signal }: CallOptions = {}): Promise<Server[]> {
    const { tags, name } = query;
    const call = await this.buildCall({
      method: 'GET',
      path: '/servers/detail',
      // Nova treats the name as a regular expression, so we escape it and check the names of the servers again.
      query: { tags: tags?.join(','), name: name === undefined ? undefined : `^${escapeRegExp(name)}$` },
      signal,
    });
    const servers = await this.service.list(call, serverPage, (page) => ({
      items: page.servers,
      next: findNextLink(page.servers_links),
    }));
    return name === undefined ? servers : servers.filter((server) => server.name === name);
  }

  async getServer(id: string, { signal }: CallOptions = {}): Promise<Server | undefined> {
    const call = await this.buildGet(`/servers/${encodeURIComponent(id)}`, signal);
    return (await this.service.find(call, serverSchema))?.server;
  }

  async createServer(request: CreateServer, { signal }: CallOptions = {}): Promise<{ id: string }> {
    const call = await this.buildCall({ method: 'POST', path: '/servers', json: { server: request }, signal });
    return (await this.service.requestJson(call, createdServerSchema)).server;
  }

  async deleteServer(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(`/servers/${encodeURIComponent(id)}`, signal, await this.buildHeaders(signal));
  }

  async stopServer(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.send(await this.buildAction(id, { 'os-stop': null }, signal));
  }

  async startServer(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.send(await this.buildAction(id, { 'os-start': null }, signal));
  }

  /** Sets metadata items (https://docs.openstack.org/api-ref/compute/#create-or-update-metadata-items). */
  async setServerMetadata(id: string, metadata: Record<string, string>, { signal }: CallOptions = {}): Promise<void> {
    const path = `/servers/${encodeURIComponent(id)}/metadata`;
    await this.service.send(await this.buildCall({ method: 'POST', path, json: { metadata }, signal }));
  }

  async createServerImage(
    id: string,
    name: string,
    metadata: Record<string, string>,
    { signal }: CallOptions = {},
  ): Promise<string> {
    const call = await this.buildAction(id, { createImage: { name, metadata } }, signal);
    return (await this.service.requestJson(call, snapshotSchema)).image_id;
  }

  async getConsoleOutput(id: string, lines?: number, { signal }: CallOptions = {}): Promise<string> {
    const call = await this.buildAction(id, { 'os-getConsoleOutput': defined({ length: lines }) }, signal);
    // We ignore these errors. 404: there is no console; 409: the server is not built yet; 501, which becomes
    // BadRequest: the hypervisor has no consoles.
    return (
      (await ignoreErrors(['NotFound', 'Conflict', 'BadRequest'], this.service.requestJson(call, consoleSchema)))
        ?.output ?? ''
    );
  }

  /**
   * Reads the diagnostics of a server (https://docs.openstack.org/api-ref/compute/#show-server-diagnostics). Nova's
   * default policy allows this only to administrators; for other users we return undefined.
   */
  async getTraffic(id: string, { signal }: CallOptions = {}): Promise<{ disk: number; network: number } | undefined> {
    const call = await this.buildGet(`/servers/${encodeURIComponent(id)}/diagnostics`, signal);
    const found = await ignoreErrors(
      ['Forbidden', 'NotFound', 'Conflict', 'BadRequest'],
      this.service.requestJson(call, diagnosticsSchema),
    );
    if (found === undefined) return undefined;
    return {
      disk: sum(found.disk_details.flatMap((disk) => [disk.read_bytes, disk.write_bytes])),
      network: sum(found.nic_details.flatMap((nic) => [nic.rx_octets, nic.tx_octets])),
    };
  }

  async listFlavors({ signal }: CallOptions = {}): Promise<Flavor[]> {
    return this.service.list(await this.buildGet('/flavors/detail', signal), flavorPage, (page) => ({
      items: page.flavors,
      next: findNextLink(page.flavors_links),
    }));
  }

  async findFlavor(idOrName: string, options: CallOptions = {}): Promise<Flavor | undefined> {
    const call = await this.buildGet(`/flavors/${encodeURIComponent(idOrName)}`, options.signal);
    const byId = await this.service.find(call, flavorSchema);
    return byId?.flavor ?? (await this.listFlavors(options)).find((flavor) => flavor.name === idOrName);
  }

  async listKeyPairs({ signal }: CallOptions = {}): Promise<KeyPair[]> {
    return this.service.list(await this.buildGet('/os-keypairs', signal), keyPairPage, (page) => ({
      items: page.keypairs.map((entry) => entry.keypair),
      next: findNextLink(page.keypairs_links),
    }));
  }

  async getKeyPair(name: string, { signal }: CallOptions = {}): Promise<KeyPair | undefined> {
    const call = await this.buildGet(`/os-keypairs/${encodeURIComponent(name)}`, signal);
    return (await this.service.find(call, keyPairSchema))?.keypair;
  }

  /** Imports a public key. @throws FactoryError Conflict when a key pair of this name exists */
  async createKeyPair(name: string, publicKey: string, { signal }: CallOptions = {}): Promise<KeyPair> {
    const json = { keypair: { name, public_key: publicKey } };
    const call = await this.buildCall({ method: 'POST', path: '/os-keypairs', json, signal });
    return (await this.service.requestJson(call, keyPairSchema)).keypair;
  }

  async deleteKeyPair(name: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(`/os-keypairs/${encodeURIComponent(name)}`, signal, await this.buildHeaders(signal));
  }

  async getLimits({ signal }: CallOptions = {}): Promise<Record<string, number>> {
    return (await this.service.requestJson(await this.buildGet('/limits', signal), limitsSchema)).limits.absolute;
  }
}

/** Escapes a text for use in a regular expression. */
function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function sum(numbers: (number | null | undefined)[]): number {
  return numbers.reduce<number>((total, number) => total + (number ?? 0), 0);
}

/** Returns undefined when the promise fails with an error of one of these types. */
async function ignoreErrors<T>(types: FactoryError['type'][], promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof FactoryError && types.includes(error.type)) return undefined;
    throw error;
  }
}
