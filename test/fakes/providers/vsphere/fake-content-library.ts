import { randomUUID } from 'node:crypto';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { FakeUpdateSessions, type StoredFile } from './fake-update-sessions.js';
import { expectFields, expectText, invalid, jsonReply, notFound, Refusal, refusalReply } from './vapi-reply.js';

interface Item {
  id: string;
  library: string;
  name: string;
  description: string;
  type: string;
  files: StoredFile[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Characters of the longest name of an item. */
const LONGEST_NAME = 80;

/**
 * The content library of a vCenter, by its REST API (`/api`, since vCenter 7.0 Update 2). It is strict where the
 * service is: a session is needed, names are unique in a library, a client token makes one thing, one session an item
 * is active, files are checked by size and digest, and are seen only when their session is done.
 */
export class FakeContentLibrary {
  readonly server: ProviderServer;
  readonly items = new Map<string, Item>();
  readonly sessions: FakeUpdateSessions;
  /** The libraries, by id. */
  readonly libraries = new Map([['lib-1', { name: 'images', type: 'LOCAL' }]]);
  /** Privileges that the user lacks. */
  readonly denied = new Set<string>();
  freeSpace = 1e12;
  /** False for a server that ignores the header `Client-Token`, as govmomi's simulator does. */
  knowsTokens = true;
  password = 'secret';
  now = 1_700_000_000_000;
  private readonly logins = new Set<string>();
  private readonly tokens = new Map<string, string>();

  constructor(tls?: ConstructorParameters<typeof ProviderServer>[2]) {
    this.server = new ProviderServer('vcenter', (call) => this.handle(call), tls);
    this.sessions = new FakeUpdateSessions(
      () => this.now,
      (id, files) => Object.assign(this.findItem(id), { files }),
    );
  }

  /** Ends every session of the REST API, as a restart of vCenter does. */
  endLogins(): void {
    this.logins.clear();
  }

  addItem(name: string, description: string): string {
    const id = randomUUID();
    this.items.set(id, { id, library: 'lib-1', name, description, type: 'ovf', files: [] });
    return id;
  }

  private handle(call: ProviderCall): ProviderReply {
    try {
      if (call.path === '/api/session') return this.handleLogin(call);
      if (!this.logins.has(String(call.headers['vmware-api-session-id']))) {
        throw new Refusal(401, 'UNAUTHENTICATED', 'log in first');
      }
      return this.route(call);
    } catch (error) {
      if (error instanceof Refusal) return refusalReply(error);
      throw error;
    }
  }

  private handleLogin({ method, headers }: ProviderCall): ProviderReply {
    if (method === 'DELETE') {
      this.logins.delete(String(headers['vmware-api-session-id']));
      return jsonReply(204);
    }
    const expected = `Basic ${Buffer.from(`images@vsphere.local:${this.password}`).toString('base64')}`;
    if (headers.authorization !== expected) throw new Refusal(401, 'UNAUTHENTICATED', 'the password is wrong');
    const id = randomUUID();
    this.logins.add(id);
    return jsonReply(201, id);
  }

  private route(call: ProviderCall): ProviderReply {
    const { method, path, query } = call;
    const action = query.get('action');
    if (method === 'PUT') {
      this.sessions.put(call);
      return jsonReply(200);
    }
    if (path === '/api/vcenter/datastore') {
      return jsonReply(200, [{ datastore: 'datastore-1', name: 'store', type: 'VMFS', free_space: this.freeSpace }]);
    }
    const [, , content, kind, ...parts] = path.split('/').map(decodeURIComponent);
    if (content !== 'content' || kind !== 'library') throw notFound(path);
    if (parts[0] !== 'item') return this.routeLibrary(call, action, parts);
    if (parts[1] === 'update-session') return this.routeSession(call, action, parts.slice(2));
    return this.routeItem(call, action, parts.slice(1));
  }

  private routeLibrary({ method, body }: ProviderCall, action: string | null, [id]: string[]): ProviderReply {
    if (id === undefined && method === 'POST' && action === 'find') {
      const { name } = expectFields(parse(body), ['name', 'type']);
      const found = [...this.libraries].filter(([, library]) => equalFold(library.name, String(name)));
      return jsonReply(
        200,
        found.map(([key]) => key),
      );
    }
    const library = this.libraries.get(id ?? '');
    if (library === undefined || method !== 'GET') throw notFound('the library');
    return jsonReply(200, { id, ...library, storage_backings: [{ type: 'DATASTORE', datastore_id: 'datastore-1' }] });
  }

  private routeItem(call: ProviderCall, action: string | null, [id, more]: string[]): ProviderReply {
    const { method, body } = call;
    if (id === undefined && method === 'POST') {
      if (action === 'find') return jsonReply(200, this.findItems(parse(body)));
      if (action === null) return jsonReply(201, this.createItem(parse(body), call.headers['client-token']));
    }
    const item = this.findItem(id ?? '');
    if (method === 'GET' && more === 'file') {
      const files = item.files.map(({ name, content }) => ({ name, size: content.length, cached: true, version: '1' }));
      return jsonReply(200, files);
    }
    if (method === 'GET' && more === undefined) return jsonReply(200, describeItem(item));
    if (method === 'PATCH') {
      this.require('ContentLibrary.UpdateLibraryItem');
      item.description = String(expectFields(parse(body), ['name', 'description'])['description'] ?? item.description);
      return jsonReply(204);
    }
    if (method !== 'DELETE') throw notFound(call.path);
    this.require('ContentLibrary.DeleteLibraryItem');
    this.items.delete(item.id);
    return jsonReply(204);
  }

  private routeSession(call: ProviderCall, action: string | null, parts: string[]): ProviderReply {
    const { method, body, query, headers, origin } = call;
    const [id, files, name] = parts;
    if (id === undefined && method === 'GET') {
      return jsonReply(200, this.sessions.list(this.findItem(query.get('library_item_id') ?? '').id));
    }
    if (id === undefined) {
      const spec = expectFields(parse(body), ['library_item_id', 'client_progress', 'warning_behavior']);
      const item = this.findItem(expectText(spec['library_item_id'], 'library_item_id'));
      this.require('ContentLibrary.UpdateSession');
      return jsonReply(201, this.sessions.create(item.id, this.readToken(headers['client-token'])));
    }
    if (files === 'file' && name !== undefined) return jsonReply(200, this.sessions.getFile(id, name));
    if (files === 'file' && method === 'GET') return jsonReply(200, this.sessions.listFiles(id));
    if (files === 'file') return jsonReply(201, this.sessions.addFile(id, parse(body), origin));
    if (method === 'GET') return jsonReply(200, this.sessions.get(id));
    if (method === 'DELETE') this.sessions.delete(id);
    else this.sessions.act(id, action);
    return jsonReply(204);
  }

  private findItems(body: unknown): string[] {
    const spec = expectFields(body, ['library_id', 'name', 'type']);
    const found = [...this.items.values()].filter(
      ({ library, name, type }) =>
        library === spec['library_id'] &&
        [undefined, name].includes(spec['name'] as string | undefined) &&
        [undefined, type].includes(spec['type'] as string | undefined),
    );
    return found.map(({ id }) => id);
  }

  private createItem(body: unknown, header: string | string[] | undefined): string {
    const spec = expectFields(body, ['library_id', 'name', 'type', 'description']);
    const library = this.libraries.get(expectText(spec['library_id'], 'library_id'));
    if (library === undefined) throw notFound('the library');
    if (library.type !== 'LOCAL') throw new Refusal(400, 'INVALID_ELEMENT_TYPE', 'the library is subscribed');
    this.require('ContentLibrary.AddLibraryItem');
    const token = this.readToken(header);
    const known = this.tokens.get(token);
    if (known !== undefined) return known;
    const name = expectText(spec['name'], 'name');
    if (name.length > LONGEST_NAME) throw invalid('the name is too long');
    if ([...this.items.values()].some((item) => equalFold(item.name, name))) {
      throw new Refusal(400, 'ALREADY_EXISTS', `the library has an item ${name}`);
    }
    const id = this.addItem(name, String(spec['description'] ?? ''));
    this.tokens.set(token, id);
    return id;
  }

  private readToken(header: string | string[] | undefined): string {
    if (typeof header !== 'string' || !UUID.test(header)) throw invalid('the client token is no UUID');
    return this.knowsTokens ? header : randomUUID();
  }

  private require(privilege: string): void {
    if (this.denied.has(privilege)) throw new Refusal(403, 'UNAUTHORIZED', 'Permission to perform this is denied.');
  }

  private findItem(id: string): Item {
    const item = this.items.get(id);
    if (item === undefined) throw notFound(`the item ${id}`);
    return item;
  }
}

function describeItem({ files, library, ...item }: Item): unknown {
  const size = files.reduce((sum, { content }) => sum + content.length, 0);
  return { ...item, library_id: library, size, creation_time: '2026-01-02T03:04:05.000Z', cached: true };
}

function equalFold(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw invalid('the body is no JSON');
  }
}
