import {
  createServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call to a service of the cloud. */
export interface ProxiedCall {
  service: string;
  method: string;
  /** Path below the service's endpoint, with the query string. */
  path: string;
  /** Body of the request; empty for an upload. */
  body: string;
  /** Status of the service's answer. Unset when the service has not received the call, or has not answered. */
  status?: number;
}

/** A call that the proxy waits for and then holds. */
export interface Ambush {
  service: string;
  method: string;
  path: RegExp;
  body?: RegExp;
  /**
   * The time at which the proxy holds the call. `before`: before the service gets it. `midway`: when the service has
   * got a part of the upload. `after`: when the service has performed it and the proxy has the answer.
   */
  when: 'before' | 'midway' | 'after';
  /**
   * The proxy calls this function for each call that matches all other fields. It holds the call only if the result is
   * true. Unset: the proxy holds the first call that matches.
   */
  isIt?: () => Promise<boolean>;
}

/** A call that the proxy holds. */
export interface Caught {
  call: ProxiedCall;
  /** Cuts the caller's connection. */
  cut(): void;
}

/** Number of bytes of an upload that the service gets before the proxy holds the call (`midway`). */
const MIDWAY = 2 * 1024 * 1024;

interface Waiting extends Ambush {
  caught: (caught: Caught) => void;
}

/**
 * A proxy between a worker and the services of its cloud. It records all calls, and holds the calls that match its
 * ambushes. Only one ambush is active: the oldest that has not held a call. The path of each call begins with the name
 * of the service.
 */
export class CloudProxy {
  readonly calls: ProxiedCall[] = [];
  private readonly waiting: Waiting[] = [];
  private readonly server: Server;

  private constructor(private readonly services: Record<string, string>) {
    this.server = createServer((incoming, outgoing) => {
      this.pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  /** @param services addresses of the real services, by name */
  static async start(services: Record<string, string>): Promise<CloudProxy> {
    const proxy = new CloudProxy(services);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  address(service: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${service}`;
  }

  /**
   * Adds an ambush, which becomes active when all earlier ambushes have held their calls. Resolves when the proxy holds
   * the call.
   */
  ambush(ambush: Ambush): Promise<Caught> {
    return new Promise((caught) => this.waiting.push({ ...ambush, caught }));
  }

  private async pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const [, service = '', path = ''] = /^\/([^/]*)(\/.*)$/.exec(incoming.url ?? '') ?? [];
    const isUpload = incoming.headers['content-type'] === 'application/octet-stream';
    const body = isUpload ? Buffer.alloc(0) : await read(incoming);
    const call: ProxiedCall = { service, method: incoming.method ?? '', path, body: body.toString('utf8') };
    this.calls.push(call);
    const ambush = await this.ambushOf(call);
    if (ambush?.when === 'before') return hold(ambush, call, outgoing);

    const forward = request(`${this.services[service]}${path}`, { method: call.method, headers: incoming.headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      forward.once('response', resolve).once('error', reject);
    });
    answered.catch(() => undefined);
    outgoing.once('close', () => forward.destroy());
    if (isUpload) {
      let sent = 0;
      // `destroyOnReturn: false` keeps the caller's connection open, because the caller must not notice that the proxy
      // holds its upload.
      for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (!forward.write(chunk)) await drained(forward);
        sent += chunk.length;
        if (ambush?.when === 'midway' && sent > MIDWAY) return hold(ambush, call, outgoing);
      }
    }
    forward.end(body);
    const answer = await answered;
    const content = await read(answer);
    call.status = answer.statusCode ?? 0;
    if (ambush?.when === 'after') return hold(ambush, call, outgoing);
    const headers = { ...answer.headers, 'content-length': String(content.length) };
    delete (headers as Record<string, unknown>)['transfer-encoding'];
    outgoing.writeHead(call.status, headers).end(content);
  }

  private async ambushOf(call: ProxiedCall): Promise<Waiting | undefined> {
    const [next] = this.waiting;
    if (next === undefined || next.service !== call.service || next.method !== call.method) return undefined;
    if (!next.path.test(call.path) || next.body?.test(call.body) === false) return undefined;
    if (next.isIt !== undefined && !(await next.isIt())) return undefined;
    // While `isIt` ran, the ambush may have held another call.
    if (this.waiting[0] !== next) return undefined;
    return this.waiting.shift();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

function hold(ambush: Waiting, call: ProxiedCall, outgoing: ServerResponse): void {
  ambush.caught({ call, cut: () => outgoing.destroy() });
}

async function read(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Waits until the request can take more data, or is closed. */
function drained(forward: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    if (forward.destroyed) return resolve();
    const done = (): void => {
      forward.off('drain', done).off('close', done);
      resolve();
    };
    forward.on('drain', done).on('close', done);
  });
}
