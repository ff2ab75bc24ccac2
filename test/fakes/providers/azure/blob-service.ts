import { createHash } from 'node:crypto';
import type { ProviderCall, ProviderReply } from '../provider-server.js';

/** Bytes of a page: every range begins and ends at a multiple of it. */
const PAGE = 512;
/** Bytes of the largest body of Put Page: https://learn.microsoft.com/rest/api/storageservices/put-page */
const LARGEST_WRITE = 4 * 1024 * 1024;
/** Items of one page of a list. Azure's own pages have 5000 blobs or 10,000 ranges; few items show that we page. */
const ITEMS = 2;

/** A page blob. */
export interface FakeBlob {
  content: Buffer;
  /** 1 for each page that was written. */
  written: Uint8Array;
  metadata: Record<string, string>;
  createdAt: Date;
  type: 'PageBlob' | 'BlockBlob';
}

/** One call of Put Page that was performed. */
export interface FakeWrite {
  blob: string;
  start: number;
  length: number;
  hasChecksum: boolean;
}

/** The blobs of one container, as strict as the real service. azurite takes long writes and wrong MD5s. */
export class FakeBlobService {
  readonly blobs = new Map<string, FakeBlob>();
  readonly writes: FakeWrite[] = [];
  hasContainer = true;
  /** The code with which the next deletion is refused once. */
  refusal: string | undefined;
  /** The time that new blobs get. */
  now = (): Date => new Date();

  constructor(
    readonly account: string,
    readonly container: string,
  ) {}

  /** Performs a call whose path is below the account. */
  handle(call: ProviderCall, path: string): ProviderReply {
    // https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services
    if (call.headers['x-ms-version'] === undefined) return fail(400, 'MissingRequiredHeader');
    const [container = '', ...names] = path.replace(/^\//, '').split('/').map(decodeURIComponent);
    if (container !== this.container || !this.hasContainer) return fail(404, 'ContainerNotFound');
    const name = names.join('/');
    if (name === '') return this.handleContainer(call);
    const comp = call.query.get('comp');
    if (call.method === 'PUT' && comp === null) return this.create(call, name);
    const blob = this.blobs.get(name);
    if (blob === undefined) return fail(404, 'BlobNotFound');
    if (call.method === 'PUT' && comp === 'page') return this.write(call, name, blob);
    if (call.method === 'PUT' && comp === 'metadata') return setMetadata(call, blob);
    if (call.method === 'GET' && comp === 'pagelist') return listRanges(call, blob);
    if (call.method === 'HEAD' && comp === null) return describe(blob);
    if (call.method === 'DELETE' && comp === null) {
      const code = this.refusal;
      this.refusal = undefined;
      if (code !== undefined) return fail(412, code);
      this.blobs.delete(name);
      return { status: 202 };
    }
    return fail(400, 'UnsupportedHttpVerb');
  }

  private handleContainer({ method, query }: ProviderCall): ProviderReply {
    if (query.get('restype') !== 'container') return fail(400, 'InvalidUri');
    if (method !== 'GET') return fail(405, 'UnsupportedHttpVerb');
    if (query.get('comp') === null) return { status: 200, headers: { 'last-modified': new Date().toUTCString() } };
    const prefix = query.get('prefix') ?? '';
    const from = Number(query.get('marker') ?? 0);
    const names = [...this.blobs.keys()].filter((name) => name.startsWith(prefix)).sort();
    const hasMetadata = (query.get('include') ?? '').split(',').includes('metadata');
    const items = names.slice(from, from + ITEMS).map((name) => this.listed(name, hasMetadata));
    const next = from + ITEMS < names.length ? String(from + ITEMS) : '';
    const body = `<EnumerationResults><Prefix>${prefix}</Prefix><Blobs>${items.join('')}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
    return { status: 200, headers: { 'content-type': 'application/xml' }, body };
  }

  private listed(name: string, hasMetadata: boolean): string {
    const { content, createdAt, type, metadata } = this.blobs.get(name) as FakeBlob;
    const marks = Object.entries(metadata).map(([key, value]) => `<${key}>${value}</${key}>`);
    const properties = [
      `<Creation-Time>${createdAt.toUTCString()}</Creation-Time>`,
      `<Last-Modified>${createdAt.toUTCString()}</Last-Modified>`,
      `<Etag>0x1</Etag><Content-Length>${content.length}</Content-Length><BlobType>${type}</BlobType>`,
    ];
    const shown = hasMetadata ? `<Metadata>${marks.join('')}</Metadata>` : '';
    return `<Blob><Name>${name}</Name><Properties>${properties.join('')}</Properties>${shown}</Blob>`;
  }

  /** https://learn.microsoft.com/rest/api/storageservices/put-blob */
  private create({ headers }: ProviderCall, name: string): ProviderReply {
    if (headers['if-none-match'] === '*' && this.blobs.has(name)) return fail(409, 'BlobAlreadyExists');
    const size = Number(headers['x-ms-blob-content-length']);
    if (headers['x-ms-blob-type'] !== 'PageBlob') return fail(400, 'InvalidHeaderValue');
    if (!Number.isInteger(size) || size % PAGE !== 0) return fail(400, 'InvalidHeaderValue');
    const metadata = readMetadata(headers);
    if (metadata === undefined) return fail(400, 'InvalidMetadata');
    // Without a condition, the service replaces what is there.
    const written = new Uint8Array(size / PAGE);
    this.blobs.set(name, { content: Buffer.alloc(size), written, metadata, createdAt: this.now(), type: 'PageBlob' });
    return { status: 201, headers: { etag: '"0x1"' } };
  }

  /** https://learn.microsoft.com/rest/api/storageservices/put-page */
  private write({ headers, body }: ProviderCall, name: string, blob: FakeBlob): ProviderReply {
    if (blob.type !== 'PageBlob') return fail(409, 'InvalidBlobType');
    if (headers['x-ms-page-write'] !== 'update') return fail(400, 'InvalidHeaderValue');
    const range = String(headers['x-ms-range'] ?? headers['range'] ?? '');
    const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const [start, end] = [Number(first), Number(last) + 1];
    if (first === '' || start % PAGE !== 0 || end % PAGE !== 0 || end <= start) return fail(416, 'InvalidPageRange');
    if (body.length > LARGEST_WRITE) return fail(413, 'RequestBodyTooLarge');
    if (end > blob.content.length) return fail(416, 'InvalidPageRange');
    if (body.length !== end - start) return fail(400, 'InvalidHeaderValue');
    const checksum = headers['content-md5'];
    if (checksum !== undefined && checksum !== createHash('md5').update(body).digest('base64')) {
      return fail(400, 'Md5Mismatch');
    }
    body.copy(blob.content, start);
    blob.written.fill(1, start / PAGE, end / PAGE);
    this.writes.push({ blob: name, start, length: body.length, hasChecksum: checksum !== undefined });
    return { status: 201, headers: { etag: '"0x2"', 'content-md5': String(checksum ?? '') } };
  }
}

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata: it replaces all that is there. */
function setMetadata({ headers }: ProviderCall, blob: FakeBlob): ProviderReply {
  const metadata = readMetadata(headers);
  if (metadata === undefined) return fail(400, 'InvalidMetadata');
  blob.metadata = metadata;
  return { status: 200 };
}

/** Names of metadata are identifiers of C#: letters, digits and underscores. */
function readMetadata(headers: ProviderCall['headers']): Record<string, string> | undefined {
  const pairs = Object.entries(headers)
    .filter(([key]) => key.startsWith('x-ms-meta-'))
    .map(([key, value]) => [key.slice('x-ms-meta-'.length), String(value)] as const);
  return pairs.every(([key]) => /^[A-Za-z_]\w*$/.test(key)) ? Object.fromEntries(pairs) : undefined;
}

/** https://learn.microsoft.com/rest/api/storageservices/get-page-ranges: ranges that touch are one, in ascending order. */
function listRanges({ query }: ProviderCall, { written }: FakeBlob): ProviderReply {
  const ranges: [number, number][] = [];
  for (const [index, flag] of written.entries()) {
    if (flag === 0) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index * PAGE - 1) last[1] += PAGE;
    else ranges.push([index * PAGE, (index + 1) * PAGE - 1]);
  }
  const from = Number(query.get('marker') ?? 0);
  const items = ranges
    .slice(from, from + ITEMS)
    .map(([start, end]) => `<PageRange><Start>${start}</Start><End>${end}</End></PageRange>`);
  const next = from + ITEMS < ranges.length ? `<NextMarker>${from + ITEMS}</NextMarker>` : '';
  const headers = { 'content-type': 'application/xml', 'x-ms-blob-content-length': String(written.length * PAGE) };
  return { status: 200, headers, body: `<PageList>${items.join('')}${next}</PageList>` };
}

function describe({ content, createdAt, type, metadata }: FakeBlob): ProviderReply {
  const marks = Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value]);
  const headers = {
    'content-length': String(content.length),
    'x-ms-blob-type': type,
    'x-ms-creation-time': createdAt.toUTCString(),
    'last-modified': createdAt.toUTCString(),
    etag: '"0x1"',
    ...(Object.fromEntries(marks) as Record<string, string>),
  };
  return { status: 200, headers };
}

/** An error as the service answers it: XML, and the code as a header, because HEAD has no body. */
export function fail(status: number, code: string): ProviderReply {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>It was ${code}.\nRequestId:1</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', 'x-ms-error-code': code }, body };
}
