import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { CallLog, LoggedCall } from './call-log.js';
import type { FaultKind, Faults } from './faults.js';
import { ApiError, TITLES, type Call, type Reply, type Service } from './http.js';
import { resetConnection } from './reset-connection.js';
import { sendReply } from './send.js';
import { quotaError } from './quota-error.js';

/** The largest JSON body that the services accept, in bytes. */
const LARGEST_BODY = 1_000_000;

/** The HTTP server of all services, with the paths `/identity`, `/compute`, `/image`, `/network` and `/volume`. */
export class ApiServer {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private port = 0;
  private relisten: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly services: Service[],
    private readonly isValidToken: (token: string | undefined) => boolean,
    private readonly log: CallLog,
    private readonly faults: Faults,
    private readonly wait: (ms: number) => Promise<void>,
  ) {}

  async listen(host: string, port: number): Promise<number> {
    const server = createServer((request, response) => void this.handleRequest(request, response));
    // Clients keep connections open for minutes, and the server must not close them in the middle of a test.
    server.keepAliveTimeout = 120_000;
    server.requestTimeout = 0;
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    return this.port;
  }

  /**
   * Cuts every connection, and refuses new ones for `ms` milliseconds. Without `ms` it refuses them until
   * {@link listen} is called.
   */
  refuseConnections(ms?: number): void {
    const host = (this.server?.address() as AddressInfo | null | undefined)?.address ?? '127.0.0.1';
    this.stopListening();
    if (ms !== undefined) this.relisten = setTimeout(() => void (this.closed || this.listen(host, this.port)), ms);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.relisten);
    this.stopListening();
  }

  private stopListening(): void {
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const [, name = '', ...rest] = url.pathname.split('/');
    const service = this.services.find((candidate) => candidate.name === name);
    if (service === undefined) {
      response.writeHead(404).end();
      return;
    }
    const path = `/${rest.join('/')}`.replace(/(?<=.)\/$/, '');
    const call = parseCall(service, request, url, path);
    const logged: LoggedCall = {
      at: Date.now(),
      service: service.name,
      method: call.method,
      path: path + url.search,
      requestId: call.id,
    };
    this.log.add(logged);
    const taken = this.faults.take(logged);
    const fault = taken?.kind === 'chosen' ? await taken.choose(logged) : taken;
    if (fault !== undefined) logged.fault = fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
    await this.answer(service, call, logged, fault, response).catch(() => response.destroy());
  }

  private async answer(
    service: Service,
    call: Call,
    logged: LoggedCall,
    fault: FaultKind | undefined,
    response: ServerResponse,
  ): Promise<void> {
    if (fault?.kind === 'reset-before') return void resetConnection(call.request.socket);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'refuse') {
      resetConnection(call.request.socket);
      return this.refuseConnections(fault.ms);
    }
    if (fault?.kind === 'late') await this.wait(fault.ms);
    if (fault?.kind === 'held' && fault.when === 'before' && (await fault.decide(logged)) === 'cut')
      return void resetConnection(call.request.socket);
    const reply = await this.buildReply(service, call, fault);
    if (fault?.kind === 'held' && fault.when === 'after' && (await fault.decide(logged, reply.status)) === 'cut') {
      reply.stream?.destroy();
      return void resetConnection(call.request.socket);
    }
    if (fault?.kind === 'reset-after') {
      reply.stream?.destroy();
      return void resetConnection(call.request.socket);
    }
    logged.status = reply.status;
    const headers = { ...service.headers(call), ...reply.headers };
    // Reads the rest of the request. Otherwise the HTTP server would take the unread bytes for the next request.
    if (!call.request.readableEnded) call.request.resume();
    await sendReply(response, { ...reply, headers }, fault, this.wait);
  }

  private async buildReply(service: Service, call: Call, fault: FaultKind | undefined): Promise<Reply> {
    try {
      if (fault?.kind === 'status') return buildFaultReply(service, fault);
      if (fault?.kind === 'quota') throw quotaError(service.name);
      const token = call.headers['x-auth-token'];
      if (
        !service.isOpen(call.method, call.path) &&
        !this.isValidToken(typeof token === 'string' ? token : undefined)
      ) {
        return unauthorized(service, call);
      }
      service.prepare?.(call);
      const route = service.routes.find(call.method, call.path);
      if (route === undefined) throw new ApiError(404, 'The resource could not be found.', 'HTTPNotFound');
      call.params = route.params;
      return await route.handler(call);
    } catch (error) {
      if (error instanceof ApiError) return service.errorReply(error);
      // The client has closed the connection in the middle of the request, so nobody can receive an error reply.
      if (call.request.destroyed && !call.request.complete) throw error;
      console.error('fake cloud:', call.method, call.path, error);
      return service.errorReply(new ApiError(500, 'Unexpected API Error.', 'HTTPInternalServerError'));
    }
  }
}

function buildFaultReply(service: Service, fault: FaultKind & { kind: 'status' }): Reply {
  const reply = service.errorReply(
    new ApiError(fault.status, fault.message ?? TITLES[fault.status] ?? 'fault on demand', 'FaultOnDemand'),
  );
  const retryAfter: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  return { ...reply, status: fault.status, headers: { ...reply.headers, ...retryAfter } };
}

function unauthorized(service: Service, call: Call): Reply {
  const headers = { 'www-authenticate': `Keystone uri="${new URL(call.endpoint).origin}/identity"` };
  return { ...service.errorReply(new ApiError(401, 'The request you have made requires authentication.')), headers };
}

function parseCall(service: Service, request: IncomingMessage, url: URL, path: string): Call {
  const microversion = /(?:compute )?2\.(\d+)/.exec(
    String(request.headers['openstack-api-version'] ?? request.headers['x-openstack-nova-api-version'] ?? ''),
  );
  return {
    service: service.name,
    method: request.method ?? 'GET',
    path,
    params: {},
    query: url.searchParams,
    headers: request.headers,
    request,
    endpoint: `http://${request.headers.host ?? '127.0.0.1'}/${service.name}`,
    id: `req-${randomUUID()}`,
    microversion: Number(microversion?.[1] ?? 1),
    json: () => readJson(request),
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new ApiError(413, 'Request is too large.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new ApiError(400, 'Malformed request body');
  }
}
