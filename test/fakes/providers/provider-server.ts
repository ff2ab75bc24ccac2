import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CallLog, type LoggedCall } from '../openstack/core/call-log.js';
import { Faults, type Fault, type FaultKind } from '../openstack/core/faults.js';
import { resetConnection } from '../openstack/core/reset-connection.js';

/** A call of a provider's API, in the form that handlers get. */
export interface ProviderCall {
  method: string;
  /** The path, still encoded, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** The whole body. */
  body: Buffer;
  /** The address that the client has used: `http://127.0.0.1:port`. */
  origin: string;
}

export interface ProviderReply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Cuts the connection when so many bytes of the request's body have arrived. The call is not performed. */
export type CutRequest = {
  kind: 'cut-request';
  bytes: number;
  /** Called with what has arrived, for providers that keep it. */
  keep?: (path: string, received: Buffer) => void;
};

/**
 * The HTTP server of a fake provider. It logs every call, and takes the faults that the fake cloud takes: an answer
 * with an error, a lost reply, a cut connection, no answer.
 */
export class ProviderServer {
  readonly log = new CallLog(10_000);
  private readonly faults = new Faults();
  private readonly sockets = new Set<Socket>();
  private cut: { fault: CutRequest; method: string; path: RegExp } | undefined;
  private server: Server | undefined;
  private nextId = 1;

  /**
   * @param name the name in the log of calls
   * @param handle performs a call. What it throws is a defect of the fake, and answers 500
   * @param tls certificate and key, for https
   */
  constructor(
    readonly name: string,
    private readonly handle: (call: ProviderCall) => ProviderReply | Promise<ProviderReply>,
    private readonly tls?: Pick<ServerOptions, 'cert' | 'key'>,
  ) {}

  /** The address of the server: `http://127.0.0.1:port`. */
  get url(): string {
    const { port } = this.server?.address() as AddressInfo;
    return `${this.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  async listen(): Promise<this> {
    const listener = (request: IncomingMessage, response: ServerResponse): void => void this.answer(request, response);
    const server = this.tls === undefined ? createServer(listener) : createTlsServer(this.tls, listener);
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    this.server = server;
    return this;
  }

  close(): void {
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  /** Adds a fault. @returns a function that removes the fault */
  fail(fault: Fault): () => void {
    return this.faults.add(fault);
  }

  /** Cuts the next request that matches in the middle of its body. */
  cutRequest(match: { method: string; path: RegExp }, bytes: number, keep?: CutRequest['keep']): void {
    this.cut = { ...match, fault: { kind: 'cut-request', bytes, keep } };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const { method = 'GET' } = request;
    const path = url.pathname + url.search;
    const logged: LoggedCall = { at: Date.now(), service: this.name, method, path, requestId: `${this.nextId++}` };
    this.log.add(logged);
    const body = await this.readBody(request, url.pathname);
    if (body === undefined) return;
    const taken = this.faults.take(logged);
    const fault = taken?.kind === 'chosen' ? await taken.choose(logged) : taken;
    if (fault !== undefined) logged.fault = fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
    const { headers } = request;
    const origin = `${this.tls === undefined ? 'http' : 'https'}://${headers.host}`;
    const call = { method, path: url.pathname, query: url.searchParams, headers, body, origin };
    await this.perform(call, logged, fault, request, response);
  }

  private async perform(
    call: ProviderCall,
    logged: LoggedCall,
    fault: FaultKind | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (fault?.kind === 'reset-before') return void resetConnection(request.socket);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'late') await delay(fault.ms);
    if (fault?.kind === 'held' && fault.when === 'before' && (await fault.decide(logged)) === 'cut')
      return void resetConnection(request.socket);
    const reply = fault?.kind === 'status' ? buildFaultReply(fault) : await this.run(call);
    if (fault?.kind === 'held' && fault.when === 'after' && (await fault.decide(logged, reply.status)) === 'cut')
      return void resetConnection(request.socket);
    if (fault?.kind === 'reset-after') return void resetConnection(request.socket);
    logged.status = reply.status;
    const body = Buffer.from(reply.body ?? '');
    const length = call.method === 'HEAD' || reply.status === 204 ? {} : { 'content-length': String(body.length) };
    response.writeHead(reply.status, { ...length, ...reply.headers });
    response.end(call.method === 'HEAD' ? undefined : body);
  }

  private async run(call: ProviderCall): Promise<ProviderReply> {
    try {
      return await this.handle(call);
    } catch (error) {
      console.error(`fake ${this.name}:`, call.method, call.path, error);
      return { status: 500, body: String(error) };
    }
  }

  /** Reads the body of a request. Returns undefined when the connection was cut in the middle. */
  private async readBody(request: IncomingMessage, path: string): Promise<Buffer | undefined> {
    const { cut } = this;
    const isCut = cut !== undefined && cut.method === request.method && cut.path.test(path);
    if (isCut) this.cut = undefined;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (isCut && size >= cut.fault.bytes) {
          cut.fault.keep?.(path, Buffer.concat(chunks));
          resetConnection(request.socket);
          return undefined;
        }
      }
    } catch {
      // The client has closed the connection in the middle of its request: nobody waits for a reply.
      return undefined;
    }
    return Buffer.concat(chunks);
  }
}

function buildFaultReply(fault: FaultKind & { kind: 'status' }): ProviderReply {
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  return { status: fault.status, headers, body: fault.message ?? 'fault on demand' };
}
