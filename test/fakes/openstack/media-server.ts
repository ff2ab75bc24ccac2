import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { resetConnection } from './core/reset-connection.js';

/** The addresses of these servers. A worker denies them by default, so a test must open them. */
export const MEDIA_ADDRESSES = ['127.0.0.0/8'];

/** A fault that hits a request for a file. */
export type MediaFault =
  | { kind: 'status'; status: number; retryAfter?: number }
  /** Cuts the connection after `bytes` bytes, although Content-Length has the whole size. */
  | { kind: 'truncated'; bytes: number }
  /** Sends the file in pieces of `bytes` bytes, one every `ms` milliseconds. */
  | { kind: 'slow'; bytes: number; ms: number }
  | { kind: 'redirect'; to: string; status?: 301 | 302 | 303 | 307 | 308 }
  /** Sends wrong bytes of the right length, so that their digest differs from the digest in the install tree. */
  | { kind: 'altered' }
  /** Calls `choose` when the request arrives. `choose` returns the fault for the request, or undefined for no fault. */
  | { kind: 'chosen'; choose: () => Promise<MediaFault | undefined> }
  /** Never answers. */
  | { kind: 'hang' }
  /** Resets the connection. */
  | { kind: 'reset' };

interface ActiveFault {
  path: RegExp;
  fault: MediaFault;
  left: number;
}

const DEBIAN = '/debian/dists/bookworm/main/installer-amd64/current/images';
const FEDORA = '/fedora/releases/19/Fedora/x86_64/os';

/**
 * A mirror with two install trees: one in Debian's netboot layout, one in Fedora's with `.treeinfo`. Their kernels and
 * ramdisks are a few kilobytes of random bytes. Tests can add files.
 */
export class MediaServer {
  /** The method and path of every request, in order. */
  readonly requests: string[] = [];
  private readonly files = new Map<string, Buffer>();
  private faults: ActiveFault[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly closing = new AbortController();

  private constructor(
    private readonly server: Server,
    /** The URL of the server without a path: `http://address:port`. */
    readonly origin: string,
  ) {}

  /**
   * Starts a media server.
   *
   * @param options `kernelSize`, `ramdiskSize`: sizes in bytes, default 40,000 and 60,000; `host`: the address to
   * listen on, default 127.0.0.1
   */
  static async start(options: { kernelSize?: number; ramdiskSize?: number; host?: string } = {}): Promise<MediaServer> {
    const { host = '127.0.0.1' } = options;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const media = new MediaServer(server, `http://${host}:${(server.address() as AddressInfo).port}`);
    server.on(
      'request',
      (request, response) => void media.handleRequest(request, response).catch(() => response.destroy()),
    );
    server.on('connection', (socket) => {
      media.sockets.add(socket);
      socket.once('close', () => media.sockets.delete(socket));
    });
    media.replaceTrees(options);
    return media;
  }

  /** The URL of the netboot directory of the Debian tree: a value for `<url>` in a TDL. */
  get debianUrl(): string {
    return `${this.origin}${DEBIAN}/netboot/`;
  }

  /** The URL of the root of the Fedora tree. */
  get fedoraUrl(): string {
    return `${this.origin}${FEDORA}/`;
  }

  /** Replaces kernels and ramdisks with new ones, and updates their digests, as a mirror does at a new release. */
  replaceTrees(options: { kernelSize?: number; ramdiskSize?: number } = {}): void {
    const kernel = randomBytes(options.kernelSize ?? 40_000);
    const ramdisk = randomBytes(options.ramdiskSize ?? 60_000);
    const netboot = 'netboot/debian-installer/amd64';
    this.put(`${DEBIAN}/${netboot}/linux`, kernel);
    this.put(`${DEBIAN}/${netboot}/initrd.gz`, ramdisk);
    this.put(
      `${DEBIAN}/SHA256SUMS`,
      `${sha256(kernel)}  ./${netboot}/linux\n${sha256(ramdisk)}  ./${netboot}/initrd.gz\n`,
    );
    this.put(`${FEDORA}/images/pxeboot/vmlinuz`, kernel);
    this.put(`${FEDORA}/images/pxeboot/initrd.img`, ramdisk);
    this.put(`${FEDORA}/.treeinfo`, buildTreeinfo(sha256(kernel), sha256(ramdisk)));
  }

  /** Adds a file, or replaces it. @returns the URL of the file */
  put(path: string, body: Buffer | string): string {
    this.files.set(path, Buffer.from(body));
    return this.origin + path;
  }

  /** Removes a file. */
  remove(path: string): void {
    this.files.delete(path);
  }

  /** Adds a fault for the next `times` requests whose path matches. @returns a function that removes the fault */
  addFault(path: RegExp, fault: MediaFault, times = Infinity): () => void {
    const entry = { path, fault, left: times };
    this.faults.unshift(entry);
    return () => {
      this.faults = this.faults.filter((other) => other !== entry);
    };
  }

  /** Cuts every connection, and refuses new ones for `ms` milliseconds. */
  refuseConnections(ms: number): void {
    const { port, address } = this.server.address() as AddressInfo;
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    setTimeout(() => void (this.closing.signal.aborted || this.server.listen(port, address)), ms);
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURI((request.url ?? '/').split('?')[0] ?? '/');
    this.requests.push(`${request.method} ${path}`);
    const armed = this.faults.find((entry) => entry.left > 0 && entry.path.test(path));
    if (armed !== undefined) armed.left--;
    const fault = armed?.fault.kind === 'chosen' ? await armed.fault.choose() : armed?.fault;
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') return void resetConnection(request.socket);
    if (fault?.kind === 'redirect') return void response.writeHead(fault.status ?? 302, { location: fault.to }).end();
    if (fault?.kind === 'status') {
      const later = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return void response.writeHead(fault.status, { 'content-type': 'text/plain', ...later }).end('fault on demand\n');
    }
    const file = this.files.get(path);
    if (file === undefined) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found\n');
    const body = fault?.kind === 'altered' ? Buffer.from(file.map((byte) => byte ^ 1)) : file;
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': body.length,
      etag: `"${sha256(file).slice(0, 16)}"`,
    });
    if (request.method === 'HEAD') return void response.end();
    await this.send(response, body, fault);
  }

  private async send(response: ServerResponse, body: Buffer, fault: MediaFault | undefined): Promise<void> {
    if (fault?.kind === 'truncated') {
      await new Promise((resolve) => response.write(body.subarray(0, fault.bytes), resolve));
      return void response.socket?.destroy();
    }
    if (fault?.kind !== 'slow') return void response.end(body);
    for (let offset = 0; offset < body.length && !response.destroyed; offset += fault.bytes) {
      response.write(body.subarray(offset, offset + fault.bytes));
      await delay(fault.ms, undefined, { signal: this.closing.signal });
    }
    response.end();
  }
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

function buildTreeinfo(kernel: string, ramdisk: string): string {
  return `[general]
family = Fedora
version = 19
arch = x86_64

[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img

[checksums]
images/pxeboot/vmlinuz = sha256:${kernel}
images/pxeboot/initrd.img = sha256:${ramdisk}
`;
}
