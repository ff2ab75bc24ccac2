import { createHash } from 'node:crypto';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';

export interface FakeWebOptions {
  /** The value that the header `authorization` must have. */
  authorization?: string;
  /**
   * Whether writes hold `If-Match` and `If-None-Match` (RFC 9110, section 13.1). nginx's module dav, for example, does
   * not look at them.
   */
  conditions?: boolean;
  /** Whether ETags are weak, as those of a server that compresses on the way. */
  weak?: boolean;
  /** Whether a PUT into a folder that does not exist is refused, as WebDAV says (RFC 4918, section 9.7.1). */
  folders?: boolean;
  /** Bytes of the largest file. The server keeps the beginning of a larger one, and says nothing. */
  cutsAt?: number;
}

/** A web server that takes files by PUT: strict about methods, folders, lengths and conditions. */
export class FakeWeb {
  readonly files = new Map<string, Buffer>();
  readonly folders = new Set<string>(['']);
  readonly server: ProviderServer;

  constructor(
    private readonly options: FakeWebOptions = {},
    tls?: ConstructorParameters<typeof ProviderServer>[2],
  ) {
    this.server = new ProviderServer('web', (call) => this.answer(call), tls);
  }

  private answer(call: ProviderCall): ProviderReply {
    const { authorization } = this.options;
    if (authorization !== undefined && call.headers.authorization !== authorization)
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="files"' }, body: 'unauthorized' };
    const name = decodeURIComponent(call.path.replace(/^\/files\//, ''));
    switch (call.method) {
      case 'GET':
      case 'HEAD':
        return this.get(name);
      case 'PUT':
        return this.put(call, name);
      case 'DELETE':
        return { status: this.files.delete(name) ? 204 : 404 };
      case 'MKCOL':
        return this.makeFolder(name.replace(/\/$/, ''));
      default:
        return { status: 405 };
    }
  }

  private get(name: string): ProviderReply {
    const file = this.files.get(name);
    if (file === undefined) return { status: 404, body: 'not found' };
    return { status: 200, headers: { etag: this.etagOf(file), 'content-length': String(file.length) }, body: file };
  }

  private put({ headers, body }: ProviderCall, name: string): ProviderReply {
    // RFC 9110, section 14.5: a server that does not know partial PUTs must refuse them.
    if (headers['content-range'] !== undefined) return { status: 400, body: 'no partial PUT here' };
    const present = this.files.get(name);
    if (this.options.conditions !== false) {
      if (headers['if-none-match'] === '*' && present !== undefined) return { status: 412 };
      const match = headers['if-match'];
      // The comparison is strong: a weak tag is never the same.
      if (
        match !== undefined &&
        (present === undefined || this.options.weak === true || match !== this.etagOf(present))
      )
        return { status: 412 };
    }
    if (this.options.folders === true && !this.folders.has(name.split('/').slice(0, -1).join('/')))
      return { status: 409, body: 'the parent does not exist' };
    this.files.set(name, body.subarray(0, this.options.cutsAt));
    return { status: present === undefined ? 201 : 204 };
  }

  /** RFC 4918, section 9.3.1: 405 when it is there, 409 when its parent is not. */
  private makeFolder(name: string): ProviderReply {
    if (this.folders.has(name)) return { status: 405 };
    if (!this.folders.has(name.split('/').slice(0, -1).join('/'))) return { status: 409 };
    this.folders.add(name);
    return { status: 201 };
  }

  private etagOf(file: Buffer): string {
    const tag = `"${createHash('sha1').update(file).digest('hex')}"`;
    return this.options.weak === true ? `W/${tag}` : tag;
  }
}
