import { createHash } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { type AccessKey, findSignatureError } from './s3-signature.js';

/*
 * A strict S3. The rules are those of the Amazon S3 API reference; the page is named where a rule is not in the page of
 * the call itself.
 */

interface StoredPart {
  body: Buffer;
  etag: string;
  sha256: Buffer | undefined;
}

export interface StoredUpload {
  key: string;
  initiated: Date;
  metadata: Record<string, string>;
  checksums: boolean;
  parts: Map<number, StoredPart>;
}

export interface StoredObject {
  body: Buffer;
  etag: string;
  metadata: Record<string, string>;
  /** The checksum of checksums, with the number of parts. */
  composite: string | undefined;
}

export interface FakeS3Options {
  /** Bytes of the smallest part but the last. S3: 5 MiB ("Amazon S3 multipart upload limits"). */
  smallestPart?: number;
  /** Whether the service knows additional checksums. Ceph's gateway before Squid, for example, does not. */
  checksums?: boolean;
  /** Whether the ETag of a part is its MD5. It is not for an object that is encrypted with a key of KMS. */
  md5?: boolean;
  /** What the service does with `If-Match` and `If-None-Match` of writes. */
  conditions?: 'held' | 'ignored' | 'refused';
  /** Entries of a page of a list. S3: 1000. */
  page?: number;
}

/** Names of the calls, for {@link FakeS3.denied}. */
type CallName = 'HeadBucket' | 'ListObjectsV2' | 'ListMultipartUploads' | 'ListParts' | 'CreateMultipartUpload' | 'UploadPart' | 'CompleteMultipartUpload' | 'AbortMultipartUpload' | 'PutObject' | 'GetObject' | 'HeadObject' | 'DeleteObject'; // prettier-ignore

class S3Error extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message = code,
  ) {
    super(message);
  }
}

export class FakeS3 {
  readonly key: AccessKey = { id: 'AKIATEST', secret: 'test+secret/key' };
  readonly region = 'eu-test-1';
  readonly bucket = 'images';
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, StoredUpload>();
  /** Calls that the access key may not do. */
  readonly denied = new Set<CallName>();
  readonly server = new ProviderServer('s3', (call) => this.answer(call));
  /** Bytes of all parts that have arrived, those that came twice included. */
  received = 0;
  private nextUpload = 1;

  constructor(readonly options: FakeS3Options = {}) {}

  private answer(call: ProviderCall): ProviderReply {
    try {
      const code = findSignatureError(call, this.key, this.region);
      if (code !== undefined) throw new S3Error(code === 'XAmzContentSHA256Mismatch' ? 400 : 403, code);
      return this.route(call);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      const body = xml(`<Error><Code>${error.code}</Code><Message>${error.message}</Message></Error>`);
      return { status: error.status, headers: { ...XML, 'x-amz-request-id': 'REQ1' }, body };
    }
  }

  private route(call: ProviderCall): ProviderReply {
    const [, bucket = '', ...rest] = call.path.split('/');
    const key = decodeURIComponent(rest.join('/'));
    const name = nameOf(call, key);
    if (name === undefined) throw new S3Error(501, 'NotImplemented');
    if (this.denied.has(name)) throw new S3Error(403, 'AccessDenied', 'Access Denied');
    if (bucket !== this.bucket) throw new S3Error(404, 'NoSuchBucket', 'The specified bucket does not exist');
    switch (name) {
      case 'HeadBucket':
        return { status: 200 };
      case 'ListObjectsV2':
        return this.listObjects(call.query);
      case 'ListMultipartUploads':
        return this.listUploads(call.query);
      case 'ListParts':
        return this.listParts(call.query);
      case 'CreateMultipartUpload':
        return this.create(call, key);
      case 'UploadPart':
        return this.putPart(call);
      case 'CompleteMultipartUpload':
        return this.complete(call, key);
      case 'AbortMultipartUpload':
        this.requireUpload(call.query);
        this.uploads.delete(call.query.get('uploadId') ?? '');
        return { status: 204 };
      case 'PutObject':
        return this.putObject(call, key);
      case 'GetObject':
      case 'HeadObject':
        return this.getObject(call, key);
      case 'DeleteObject':
        this.objects.delete(key);
        return { status: 204 };
    }
  }

  private create({ headers }: ProviderCall, key: string): ProviderReply {
    const id = `upload-${this.nextUpload++}`;
    const checksums = headers['x-amz-checksum-algorithm'] === 'SHA256' && this.options.checksums !== false;
    this.uploads.set(id, { key, initiated: new Date(), metadata: metadataOf(headers), checksums, parts: new Map() });
    return reply(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  private putPart(call: ProviderCall): ProviderReply {
    const upload = this.requireUpload(call.query);
    const number = Number(call.query.get('partNumber'));
    // "Amazon S3 multipart upload limits": part numbers 1 to 10,000.
    if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new S3Error(400, 'InvalidArgument');
    this.received += call.body.length;
    const sha256 = createHash('sha256').update(call.body).digest();
    const sent = call.headers['x-amz-checksum-sha256'];
    if (this.options.checksums !== false) {
      if (sent !== undefined && sent !== sha256.toString('base64')) throw new S3Error(400, 'BadDigest');
      // "Checking object integrity": an upload with an algorithm takes parts with that checksum only.
      if (upload.checksums && sent === undefined) throw new S3Error(400, 'InvalidRequest');
    }
    const md5 = createHash('md5').update(call.body).digest('hex');
    const etag = `"${this.options.md5 === false ? createHash('sha1').update(md5).digest('hex').slice(0, 32) : md5}"`;
    upload.parts.set(number, { body: call.body, etag, sha256: upload.checksums ? sha256 : undefined });
    const checksum: Record<string, string> = upload.checksums
      ? { 'x-amz-checksum-sha256': sha256.toString('base64') }
      : {};
    return { status: 200, headers: { etag, ...checksum } };
  }

  private complete(call: ProviderCall, key: string): ProviderReply {
    const upload = this.requireUpload(call.query);
    const document = new XMLParser({ isArray: (name) => name === 'Part', parseTagValue: false }).parse(
      call.body.toString('utf8'),
    ) as { CompleteMultipartUpload?: { Part?: { PartNumber: string; ETag: string; ChecksumSHA256?: string }[] } };
    const listed = document.CompleteMultipartUpload?.Part ?? [];
    if (listed.length === 0) throw new S3Error(400, 'MalformedXML');
    this.requireCondition(call, key);
    const parts = listed.map(({ PartNumber, ETag, ChecksumSHA256 }, index) => {
      if (Number(PartNumber) <= Number(listed[index - 1]?.PartNumber ?? 0)) throw new S3Error(400, 'InvalidPartOrder');
      const part = upload.parts.get(Number(PartNumber));
      if (part === undefined || part.etag !== ETag.replaceAll('&quot;', '"')) throw new S3Error(400, 'InvalidPart');
      if (part.sha256?.toString('base64') !== ChecksumSHA256) throw new S3Error(400, 'InvalidPart');
      const isSmall = part.body.length < (this.options.smallestPart ?? 5 * 1024 * 1024);
      if (isSmall && index < listed.length - 1) throw new S3Error(400, 'EntityTooSmall');
      return part;
    });
    const digests = parts.map(({ sha256 }) => sha256).filter((digest) => digest !== undefined);
    const composite = createHash('sha256').update(Buffer.concat(digests)).digest('base64');
    this.objects.set(key, {
      body: Buffer.concat(parts.map(({ body }) => body)),
      etag: `"${createHash('md5').update(key).digest('hex')}-${parts.length}"`,
      metadata: upload.metadata,
      composite: upload.checksums ? `${composite}-${parts.length}` : undefined,
    });
    this.uploads.delete(call.query.get('uploadId') ?? '');
    return reply('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>');
  }

  private putObject(call: ProviderCall, key: string): ProviderReply {
    this.requireCondition(call, key);
    const etag = `"${createHash('md5').update(call.body).digest('hex')}"`;
    this.objects.set(key, { body: call.body, etag, metadata: metadataOf(call.headers), composite: undefined });
    return { status: 200, headers: { etag } };
  }

  /** "How to prevent object overwrites with conditional writes" in the user guide. */
  private requireCondition({ headers }: ProviderCall, key: string): void {
    const [match, none] = [headers['if-match'], headers['if-none-match']];
    if ((match === undefined && none === undefined) || this.options.conditions === 'ignored') return;
    if (this.options.conditions === 'refused') throw new S3Error(501, 'NotImplemented');
    if (none !== undefined && none !== '*') throw new S3Error(501, 'NotImplemented');
    const present = this.objects.get(key);
    if (none === '*' && present !== undefined) throw new S3Error(412, 'PreconditionFailed');
    if (match !== undefined && present === undefined) throw new S3Error(404, 'NoSuchKey');
    if (match !== undefined && present?.etag !== match) throw new S3Error(412, 'PreconditionFailed');
  }

  private getObject({ headers }: ProviderCall, key: string): ProviderReply {
    const object = this.objects.get(key);
    if (object === undefined) {
      // Without the permission to list, S3 does not tell that an object is absent.
      if (this.denied.has('ListObjectsV2')) throw new S3Error(403, 'AccessDenied', 'Access Denied');
      throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.');
    }
    const meta = Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value] as const);
    const hasChecksum = headers['x-amz-checksum-mode'] === 'ENABLED' && object.composite !== undefined;
    const checksum: Record<string, string> = hasChecksum ? { 'x-amz-checksum-sha256': object.composite ?? '' } : {};
    const length = String(object.body.length);
    return {
      status: 200,
      headers: { etag: object.etag, 'content-length': length, ...checksum, ...Object.fromEntries<string>(meta) },
      body: object.body,
    };
  }

  private listObjects(query: URLSearchParams): ProviderReply {
    const prefix = query.get('prefix') ?? '';
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const folders = new Set(
      keys.filter((key) => key.slice(prefix.length).includes('/')).map((key) => /^[^/]*\//.exec(key.slice(prefix.length))?.[0]), // prettier-ignore
    );
    const { entries, next } = paginate([...folders], query.get('continuation-token'), this.options.page);
    const list = entries.map((folder) => `<CommonPrefixes><Prefix>${prefix}${folder}</Prefix></CommonPrefixes>`);
    const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
    return reply(
      `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${list.join('')}</ListBucketResult>`,
    );
  }

  private listUploads(query: URLSearchParams): ProviderReply {
    const found = [...this.uploads].filter(([, { key }]) => key.startsWith(query.get('prefix') ?? ''));
    const { entries, next } = paginate(found, query.get('upload-id-marker'), this.options.page);
    const list = entries.map(
      ([id, { key, initiated }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
    );
    const more =
      next === undefined ? '' : `<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>${next}</NextUploadIdMarker>`;
    return reply(
      `<ListMultipartUploadsResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${list.join('')}</ListMultipartUploadsResult>`,
    );
  }

  private listParts(query: URLSearchParams): ProviderReply {
    const found = [...this.requireUpload(query).parts].sort(([one], [other]) => one - other);
    const { entries, next } = paginate(found, query.get('part-number-marker'), this.options.page);
    const list = entries.map(([number, { body, etag, sha256 }]) => {
      const checksum = sha256 === undefined ? '' : `<ChecksumSHA256>${sha256.toString('base64')}</ChecksumSHA256>`;
      return `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${body.length}</Size>${checksum}</Part>`;
    });
    const more = next === undefined ? '' : `<NextPartNumberMarker>${next}</NextPartNumberMarker>`;
    return reply(
      `<ListPartsResult><IsTruncated>${next !== undefined}</IsTruncated>${more}${list.join('')}</ListPartsResult>`,
    );
  }

  private requireUpload(query: URLSearchParams): StoredUpload {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload === undefined) throw new S3Error(404, 'NoSuchUpload', 'The specified upload does not exist.');
    return upload;
  }
}

/** The query names a call of a bucket or of an object. */
function nameOf({ method, query }: ProviderCall, key: string): CallName | undefined {
  if (key === '') {
    if (method === 'HEAD') return 'HeadBucket';
    if (method !== 'GET') return undefined;
    return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
  }
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : undefined;
  const ofUpload = { GET: 'ListParts', PUT: 'UploadPart', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' } as const; // prettier-ignore
  const ofObject = { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' } as const;
  return query.has('uploadId')
    ? (ofUpload as Record<string, CallName>)[method]
    : (ofObject as Record<string, CallName>)[method];
}

/** Cuts a list into pages. The marker is the number of entries before the page. */
function paginate<T>(all: T[], marker: string | null, page = 1000): { entries: T[]; next: number | undefined } {
  const from = Number(marker ?? 0);
  const next = from + page < all.length ? from + page : undefined;
  return { entries: all.slice(from, from + page), next };
}

function metadataOf(headers: ProviderCall['headers']): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice('x-amz-meta-'.length), String(value)]));
}

const XML = { 'content-type': 'application/xml' };

function xml(text: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text}`;
}

function reply(text: string): ProviderReply {
  return { status: 200, headers: XML, body: xml(text) };
}
