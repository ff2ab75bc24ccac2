import { createHash, randomUUID } from 'node:crypto';
import type { ProviderCall } from '../provider-server.js';
import { expectFields, expectText, invalid, notAllowed, notFound, Refusal } from './vapi-reply.js';

/** vCenter ends a session after five minutes without a call (Content Library UpdateSession keep-alive, Broadcom). */
const LIFETIME = 300_000;
/** Questions until vCenter has checked a file, or a completed session. */
const CHECKS = 2;

export interface StoredFile {
  name: string;
  content: Buffer;
}

interface File {
  name: string;
  size: number;
  sha256: string;
  endpoint: string;
  status: 'WAITING_FOR_TRANSFER' | 'VALIDATING' | 'READY' | 'ERROR';
  checks: number;
  content: Buffer;
  error?: string;
}

interface Session {
  id: string;
  item: string;
  state: 'ACTIVE' | 'DONE' | 'ERROR' | 'CANCELED';
  isCompleting: boolean;
  checks: number;
  expires: number;
  files: Map<string, File>;
  error?: string;
}

/**
 * The update sessions of a content library: com.vmware.content.library.item.UpdateSession and its File service, as
 * developer.broadcom.com describes them for vCenter 7.0 Update 2 and later.
 */
export class FakeUpdateSessions {
  readonly sessions = new Map<string, Session>();
  private readonly tokens = new Map<string, string>();
  /** Bytes that have arrived at upload addresses. */
  received = 0;

  /** What stands in upload addresses in the place of the server. */
  host: string | undefined;

  constructor(
    private readonly now: () => number,
    private readonly publish: (item: string, files: StoredFile[]) => void,
  ) {}

  /** The same token gives the same session, also when that one has ended. */
  create(item: string, token: string): string {
    const known = this.tokens.get(token);
    if (known !== undefined) return known;
    this.expire();
    const busy = [...this.sessions.values()].some((session) => session.item === item && session.state === 'ACTIVE');
    // "Content Library Service allows only one single update session to be active for a specific library item."
    if (busy) throw new Refusal(500, 'RESOURCE_BUSY', 'another update session of the item is active');
    const id = randomUUID();
    const expires = this.now() + LIFETIME;
    this.sessions.set(id, { id, item, state: 'ACTIVE', isCompleting: false, checks: 0, expires, files: new Map() });
    this.tokens.set(token, id);
    return id;
  }

  list(item: string): string[] {
    this.expire();
    return [...this.sessions.values()].filter((session) => session.item === item).map(({ id }) => id);
  }

  get(id: string): unknown {
    const session = this.find(id);
    if (session.isCompleting && ++session.checks > CHECKS) this.finish(session);
    const { item, state, error } = session;
    return {
      library_item_id: item,
      state,
      client_progress: 0,
      expiration_time: new Date(session.expires).toISOString(),
      ...(error === undefined ? {} : { error_message: { id: 'fake', default_message: error, args: [] } }),
    };
  }

  act(id: string, action: string | null): void {
    const session = this.find(id);
    if (session.state !== 'ACTIVE' || session.isCompleting) throw notAllowed(`the session is not active`);
    session.expires = this.now() + LIFETIME;
    if (action === 'cancel') session.state = 'CANCELED';
    else if (action === 'complete') {
      const missing = [...session.files.values()].find(({ status }) => status !== 'READY');
      if (missing !== undefined) throw notAllowed(`the file ${missing.name} is ${missing.status}`);
      session.isCompleting = true;
    } else if (action !== 'keep-alive') throw invalid(`unknown action ${action}`);
  }

  delete(id: string): void {
    if (this.find(id).state === 'ACTIVE') throw notAllowed('the session is active');
    this.sessions.delete(id);
  }

  listFiles(id: string): unknown[] {
    return [...this.find(id).files.values()].map((file) => describeFile(file));
  }

  getFile(id: string, name: string): unknown {
    const file = this.find(id).files.get(name);
    if (file === undefined) throw invalid(`the session has no file ${name}`);
    if (file.status === 'VALIDATING' && ++file.checks > CHECKS) file.status = 'READY';
    return describeFile(file);
  }

  /** "If a file with the same name already exists in this session, this operation updates its content." */
  addFile(id: string, body: unknown, origin: string): unknown {
    const session = this.find(id);
    if (session.state !== 'ACTIVE' || session.isCompleting) throw notAllowed('the session is not active');
    const spec = expectFields(body, ['name', 'source_type', 'size', 'checksum_info']);
    const name = expectText(spec['name'], 'name');
    if (spec['source_type'] !== 'PUSH') throw invalid('the source_type is not PUSH');
    if (typeof spec['size'] !== 'number') throw invalid('size is no number');
    const checksum = expectFields(spec['checksum_info'], ['algorithm', 'checksum']);
    if (checksum['algorithm'] !== 'SHA256') throw invalid('the fake knows the algorithm SHA256 only');
    const sha256 = expectText(checksum['checksum'], 'checksum');
    const endpoint = `${this.host ?? origin}/cls/data/${randomUUID()}/${encodeURIComponent(name)}`;
    const content = Buffer.alloc(0);
    const status = 'WAITING_FOR_TRANSFER';
    session.files.set(name, { name, size: spec['size'], sha256, endpoint, status, checks: 0, content });
    session.expires = this.now() + LIFETIME;
    return this.getFile(id, name);
  }

  /** Takes a file at its address. A wrong size or digest spoils the session. */
  put({ path, body, headers }: ProviderCall): void {
    for (const session of this.sessions.values()) {
      for (const file of session.files.values()) {
        if (new URL(file.endpoint).pathname !== path || this.find(session.id).state !== 'ACTIVE') continue;
        if (headers['content-length'] !== String(body.length)) throw invalid('the length of the body is not announced');
        this.received += body.length;
        session.expires = this.now() + LIFETIME;
        file.content = body;
        const digest = createHash('sha256').update(body).digest('hex');
        if (body.length === file.size && digest === file.sha256) file.status = 'VALIDATING';
        else this.spoil(session, file, `the size or the checksum of ${file.name} is wrong`);
        return;
      }
    }
    throw notFound('the upload');
  }

  /** Ends the active session of an item with an error, as vCenter does when a check fails. */
  fail(item: string, error: string): void {
    for (const session of this.sessions.values()) {
      if (session.item === item && session.state === 'ACTIVE') Object.assign(session, { state: 'ERROR', error });
    }
  }

  private spoil(session: Session, file: File, error: string): void {
    Object.assign(file, { status: 'ERROR', error });
    Object.assign(session, { state: 'ERROR', error });
  }

  private find(id: string): Session {
    this.expire();
    const session = this.sessions.get(id);
    if (session === undefined) throw notFound(`the update session ${id}`);
    return session;
  }

  private expire(): void {
    for (const [id, { expires }] of this.sessions) if (expires <= this.now()) this.sessions.delete(id);
  }

  /** Checks the descriptor and the manifest, as the library's adapter for OVF does, and shows the files. */
  private finish(session: Session): void {
    session.isCompleting = false;
    const files = [...session.files.values()];
    const error = findPackageError(files);
    if (error !== undefined) return void Object.assign(session, { state: 'ERROR', error });
    session.state = 'DONE';
    this.publish(
      session.item,
      files.map(({ name, content }) => ({ name, content })),
    );
  }
}

function describeFile({ name, size, status, endpoint, content, error }: File): unknown {
  return {
    name,
    source_type: 'PUSH',
    status,
    bytes_transferred: content.length,
    // "This field won't be set until the file status is READY."
    ...(status === 'READY' ? { size } : {}),
    upload_endpoint: { uri: endpoint },
    ...(error === undefined ? {} : { error_message: { id: 'fake', default_message: error, args: [] } }),
  };
}

function findPackageError(files: readonly File[]): string | undefined {
  const descriptors = files.filter(({ name }) => name.endsWith('.ovf'));
  const [descriptor] = descriptors;
  if (descriptor === undefined || descriptors.length > 1) return 'the item needs one OVF descriptor';
  const byName = new Map(files.map((file) => [file.name, file]));
  for (const [, tag = ''] of descriptor.content.toString('utf8').matchAll(/<File\b([^>]*)>/g)) {
    const href = /\bovf:href="([^"]*)"/.exec(tag)?.[1] ?? '';
    const size = /\bovf:size="([^"]*)"/.exec(tag)?.[1];
    const file = byName.get(href);
    if (file === undefined) return `the file ${href} of the descriptor is missing`;
    if (size !== String(file.size)) return `the descriptor says that ${href} has ${size} bytes`;
  }
  const manifest = files.find(({ name }) => name.endsWith('.mf'));
  for (const line of manifest?.content.toString('utf8').split('\n').filter(Boolean) ?? []) {
    const [, name = '', digest] = /^SHA256\((.*)\)= (.*)$/.exec(line) ?? [];
    if (byName.get(name)?.sha256 !== digest) return `the manifest is wrong about ${name}`;
  }
  return undefined;
}
