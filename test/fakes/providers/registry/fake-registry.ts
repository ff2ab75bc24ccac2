import { createHash, randomUUID } from 'node:crypto';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { type FakeAuth, RegistryGate } from './registry-gate.js';

/** How a fake registry differs from one that does all that the specification says. */
export interface RegistryTraits {
  auth?: FakeAuth;
  /** Whether it keeps lists of referrers. Default true. */
  referrers?: boolean;
  /** Whether images may be deleted. Default true. */
  deletion?: boolean;
  /** Whether a first push makes a repository. Default true. */
  makesRepositories?: boolean;
  /**
   * How it takes parts of a blob:
   *
   * - `any`: as the specification says. It keeps what arrived of a part that was cut.
   * - `forgets`: an address that is not the newest ends the upload, as in distribution 2.8
   *   (registry/handlers/blobupload.go, blobUploadDispatcher).
   * - `whole only`: every part with a range is refused, as in GitHub's registry for parts above 4 MiB (ocx-sh/ocx#237).
   * - `first only`: it answers 201, and drops all parts but the first, as Amazon's (aws/containers-roadmap#2831).
   */
  parts?: 'any' | 'forgets' | 'whole only' | 'first only';
  /** Bytes that it asks for in each part but the last (`OCI-Chunk-Min-Length`). Default: it asks for nothing. */
  leastPart?: number;
}

interface Upload {
  repository: string;
  content: Buffer;
  parts: number;
}

interface StoredManifest {
  mediaType: string;
  text: Buffer;
}

/** A repository of the fake. */
export interface FakeRepository {
  blobs: Map<string, Buffer>;
  manifests: Map<string, StoredManifest>;
  tags: Map<string, string>;
}

/** The fields of a manifest that the fake reads. */
interface ManifestFields {
  schemaVersion?: number;
  mediaType?: string;
  artifactType?: string;
  config?: { digest: string; size: number; mediaType: string };
  layers?: { digest: string; size: number }[];
  manifests?: { digest: string }[];
  subject?: { digest: string };
  annotations?: Record<string, string>;
}

const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const ROUTES = {
  upload: new RegExp(`^/v2/(${NAME})/blobs/uploads/([0-9a-f-]*)$`),
  blob: new RegExp(`^/v2/(${NAME})/blobs/(sha256:[0-9a-f]{64})$`),
  manifest: new RegExp(`^/v2/(${NAME})/manifests/([A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64})$`),
  referrers: new RegExp(`^/v2/(${NAME})/referrers/(sha256:[0-9a-f]{64})$`),
};
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/**
 * A registry in memory. It refuses what the distribution specification (opencontainers/distribution-spec, spec.md) and
 * distribution 3 (registry/handlers) refuse.
 */
export class FakeRegistry {
  readonly server: ProviderServer;
  readonly repositories = new Map<string, FakeRepository>();
  readonly uploads = new Map<string, Upload>();
  readonly gate: RegistryGate;
  /** Bytes of blobs that arrived. */
  received = 0;

  constructor(private readonly traits: RegistryTraits = {}) {
    this.gate = new RegistryGate(traits.auth ?? { kind: 'none' });
    this.server = new ProviderServer('registry', (call) => this.handle(call));
  }

  async listen(): Promise<this> {
    await this.server.listen();
    return this;
  }

  get url(): string {
    return this.server.url;
  }

  get host(): string {
    return new URL(this.url).host;
  }

  /** Makes a repository, or returns it. */
  repository(name: string): FakeRepository {
    const found = this.repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, found);
    return found;
  }

  /** Cuts the next PATCH after so many bytes, which the registry keeps. */
  cutPart(bytes: number): void {
    this.server.cutRequest({ method: 'PATCH', path: ROUTES.upload }, bytes, (path, received) => {
      const upload = this.uploads.get(ROUTES.upload.exec(path)?.[2] ?? '');
      if (upload !== undefined) this.append(upload, received);
    });
  }

  private handle(call: ProviderCall): ProviderReply {
    const refused = this.gate.check(call);
    if (refused !== undefined) return refused;
    if (call.path === '/v2/') return { status: 200, body: '{}' };
    for (const [route, pattern] of Object.entries(ROUTES)) {
      const [, name, id] = pattern.exec(call.path) ?? [];
      if (name === undefined || id === undefined) continue;
      if (this.traits.makesRepositories === false && !this.repositories.has(name)) return problem(404, 'NAME_UNKNOWN');
      if (route === 'upload') return id === '' ? this.begin(call, name) : this.answerUpload(call, name, id);
      if (route === 'blob') return this.answerBlob(call, this.repository(name), id);
      if (route === 'manifest') return this.answerManifest(call, this.repository(name), id);
      return this.answerReferrers(this.repository(name), id);
    }
    return { status: 404, body: '404 page not found' };
  }

  private begin({ method, body }: ProviderCall, repository: string): ProviderReply {
    if (method !== 'POST') return problem(405, 'UNSUPPORTED');
    // "the post request MUST include … Content-Length: 0"
    if (body.length > 0) return problem(400, 'SIZE_INVALID');
    const id = randomUUID();
    const upload = { repository, content: Buffer.alloc(0), parts: 0 };
    this.uploads.set(id, upload);
    const { leastPart } = this.traits;
    const least: Record<string, string> = leastPart === undefined ? {} : { 'oci-chunk-min-length': String(leastPart) };
    return { status: 202, headers: { ...this.describe(id, upload), ...least } };
  }

  private answerUpload(call: ProviderCall, repository: string, id: string): ProviderReply {
    const upload = this.uploads.get(id);
    if (upload?.repository !== repository) return problem(404, 'BLOB_UPLOAD_UNKNOWN');
    const isNewest = call.query.get('_state') === String(upload.content.length);
    if (this.traits.parts === 'forgets' && !isNewest) {
      this.uploads.delete(id);
      return problem(404, 'BLOB_UPLOAD_INVALID');
    }
    if (call.method === 'GET') return { status: 204, headers: this.describe(id, upload) };
    if (call.method === 'DELETE') {
      this.uploads.delete(id);
      return { status: 204 };
    }
    // Distribution 3 answers so to an old address (ResumeBlobUpload).
    if (!isNewest) return problem(416, 'RANGE_INVALID');
    if (call.method === 'PATCH') return this.takePart(call, id, upload);
    if (call.method === 'PUT') return this.closeUpload(call, id, upload);
    return problem(405, 'UNSUPPORTED');
  }

  private takePart({ headers, body }: ProviderCall, id: string, upload: Upload): ProviderReply {
    if (headers['content-type'] !== 'application/octet-stream') return problem(400, 'UNKNOWN');
    const range = headers['content-range'];
    if (range !== undefined) {
      if (this.traits.parts === 'whole only') return problem(416, 'REQUESTED_RANGE_NOT_SATISFIABLE');
      const [, start, end] = /^(\d+)-(\d+)$/.exec(range) ?? [];
      if (start === undefined || end === undefined) return problem(400, 'UNKNOWN');
      if (Number(start) !== upload.content.length) return problem(416, 'RANGE_INVALID');
      if (Number(end) - Number(start) + 1 !== body.length) return problem(400, 'SIZE_INVALID');
    } else if (upload.content.length > 0) {
      return problem(416, 'RANGE_INVALID');
    }
    if (this.traits.parts === 'first only' && upload.parts > 0) {
      return { status: 201, headers: this.describe(id, upload) };
    }
    this.append(upload, body);
    return { status: 202, headers: this.describe(id, upload) };
  }

  private append(upload: Upload, bytes: Buffer): void {
    upload.content = Buffer.concat([upload.content, bytes]);
    upload.parts++;
    this.received += bytes.length;
  }

  private closeUpload({ query, body }: ProviderCall, id: string, upload: Upload): ProviderReply {
    const digest = query.get('digest') ?? '';
    const content = Buffer.concat([upload.content, body]);
    this.uploads.delete(id);
    if (digest !== digestOf(content)) return problem(400, 'DIGEST_INVALID');
    this.repository(upload.repository).blobs.set(digest, content);
    return {
      status: 201,
      headers: { location: `/v2/${upload.repository}/blobs/${digest}`, 'docker-content-digest': digest },
    };
  }

  private describe(id: string, { repository, content }: Upload): Record<string, string> {
    // The address has the offset, as that of distribution has: who uses an old one does not know all.
    const location = `/v2/${repository}/blobs/uploads/${id}?_state=${content.length}`;
    return { location, range: `0-${Math.max(0, content.length - 1)}`, 'docker-upload-uuid': id };
  }

  private answerBlob({ method }: ProviderCall, { blobs }: FakeRepository, digest: string): ProviderReply {
    const content = blobs.get(digest);
    if (content === undefined) return problem(404, 'BLOB_UNKNOWN');
    if (method !== 'HEAD' && method !== 'GET') return problem(405, 'UNSUPPORTED');
    const headers = { 'docker-content-digest': digest, 'content-length': String(content.length) };
    return { status: 200, headers, body: content };
  }

  private answerManifest(call: ProviderCall, repository: FakeRepository, reference: string): ProviderReply {
    const digest = reference.startsWith('sha256:') ? reference : repository.tags.get(reference);
    const stored = repository.manifests.get(digest ?? '');
    if (call.method === 'PUT') return this.putManifest(call, repository, reference);
    if (call.method === 'DELETE') {
      if (this.traits.deletion === false) return problem(405, 'UNSUPPORTED');
      // A registry may refuse to delete by a tag ("Content Management").
      if (!reference.startsWith('sha256:')) return problem(400, 'UNSUPPORTED');
      if (stored === undefined) return problem(404, 'MANIFEST_UNKNOWN');
      repository.manifests.delete(reference);
      for (const [tag, named] of repository.tags) if (named === reference) repository.tags.delete(tag);
      return { status: 202 };
    }
    if (stored === undefined || digest === undefined) return problem(404, 'MANIFEST_UNKNOWN');
    if (!(call.headers.accept ?? '').includes(stored.mediaType)) return problem(404, 'MANIFEST_UNKNOWN');
    const headers = { 'content-type': stored.mediaType, 'docker-content-digest': digest };
    return { status: 200, headers, body: stored.text };
  }

  private putManifest(call: ProviderCall, repository: FakeRepository, reference: string): ProviderReply {
    const fields = JSON.parse(call.body.toString()) as ManifestFields;
    const digest = digestOf(call.body);
    const mediaType = call.headers['content-type'];
    // "clients MUST set the Content-Type header to the value specified by the mediaType field"
    if (
      fields.schemaVersion !== 2 ||
      (mediaType !== MANIFEST && mediaType !== INDEX) ||
      fields.mediaType !== mediaType
    ) {
      return problem(400, 'MANIFEST_INVALID');
    }
    if (reference.startsWith('sha256:') && reference !== digest) return problem(400, 'DIGEST_INVALID');
    if (mediaType === MANIFEST && (fields.config === undefined || fields.layers === undefined)) {
      return problem(400, 'MANIFEST_INVALID');
    }
    const blobs = [...(fields.config === undefined ? [] : [fields.config]), ...(fields.layers ?? [])];
    const missing = blobs.filter((blob) => repository.blobs.get(blob.digest)?.length !== blob.size);
    const lost = (fields.manifests ?? []).filter((named) => !repository.manifests.has(named.digest));
    const unknown = [...missing, ...lost].map((named) => named.digest);
    if (unknown.length > 0) return problem(404, 'MANIFEST_BLOB_UNKNOWN', unknown);
    repository.manifests.set(digest, { mediaType, text: call.body });
    if (!reference.startsWith('sha256:')) repository.tags.set(reference, digest);
    const lists = fields.subject !== undefined && this.traits.referrers !== false;
    const subject: Record<string, string> = lists ? { 'oci-subject': fields.subject?.digest ?? '' } : {};
    return { status: 201, headers: { location: call.path, 'docker-content-digest': digest, ...subject } };
  }

  private answerReferrers({ manifests }: FakeRepository, subject: string): ProviderReply {
    if (this.traits.referrers === false) return { status: 404, body: '404 page not found' };
    const list = [...manifests].flatMap(([digest, { mediaType, text }]) => {
      const fields = JSON.parse(text.toString()) as ManifestFields;
      if (fields.subject?.digest !== subject) return [];
      const { artifactType, annotations } = fields;
      return [{ mediaType, digest, size: text.length, artifactType, annotations }];
    });
    const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: list });
    return { status: 200, headers: { 'content-type': INDEX }, body };
  }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function problem(status: number, code: string, details: string[] = ['']): ProviderReply {
  const errors = details.map((detail) => ({ code, message: code.toLowerCase().replaceAll('_', ' '), detail }));
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ errors }) };
}
