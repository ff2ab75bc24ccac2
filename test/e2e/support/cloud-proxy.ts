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
  /** Below the service's endpoint, with the query. */
  path: string;
  /** What was sent; empty for an upload. */
  body: string;
  /** The service's answer, if it had the call and has answered. */
  status?: number;
}

/** A call that is waited for. */
export interface Ambush {
  service: string;
  method: string;
  path: RegExp;
  body?: RegExp;
  /**
   * Before the service hears of it, when it has a part of what is sent, or when it has done it and its answer is with
   * us.
   */
  when: 'before' | 'midway' | 'after';
  /** Asked about every call that fits otherwise. */
  isIt?: () => Promise<boolean>;
}

/** A call that is held. */
export interface Caught {
  call: ProxiedCall;
  /** Cuts the caller's connection. */
  cut(): void;
}

/** Bytes of an upload that go through before it is caught midway. */
const MIDWAY = 2 * 1024 * 1024;

interface Waiting extends Ambush {
  caught: (caught: Caught) => void;
}

/**
 * Stands between a worker and the services of its cloud, writes the calls down, and holds those that are waited for.
 * Each
 * service is below a path of its name; of several ambushes only the first that has not struck counts.
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

  /** @param services their real addresses, by name */
  static async start(services: Record<string, string>): Promise<CloudProxy> {
    const proxy = new CloudProxy(services);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  address(service: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${service}`;
  }

  /** Holds the next call of the kind, once all earlier ambushes have struck; resolves when it is held. */
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
      // A caller whose upload is caught must not notice.
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
    // Another call may have been quicker.
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

/** Resolves when more can be written, or nothing any more. */
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
