import { createHash, randomUUID } from 'node:crypto';
import { crc32c, formatCrc32c } from '../../../../src/providers/gce/crc32c.js';
import type { ProviderCall, ProviderReply } from '../provider-server.js';
import { ACCOUNT, json, page, readJson, refusal, unknownFields } from './replies.js';

/** Parts must have whole multiples of this many bytes, but for the last. */
const GRAIN = 256 * 1024;
/** Items of a page: few, so that every test of a list follows pages. */
const PAGE = 2;
const RESOURCE = ['name', 'contentType', 'metadata', 'crc32c', 'md5Hash'];

export interface FakeObject {
  bucket: string;
  name: string;
  content: Buffer;
  generation: string;
  metadata: Record<string, string>;
  timeCreated: string;
  digests: { crc32c: string; md5Hash: string };
}

interface Upload {
  id: string;
  /** The bucket in which it began, and ends. */
  bucket: string;
  resource: { name: string; metadata?: Record<string, string>; crc32c?: string; md5Hash?: string };
  size: number;
  content: Buffer;
  /** The precondition counts when the upload ends, not when it begins (performing-resumable-uploads). */
  onlyIfAbsent: boolean;
  object?: FakeObject;
}

/**
 * One bucket of Cloud Storage with uploads that can be continued, by
 * https://cloud.google.com/storage/docs/performing-resumable-uploads and by googleapis/storage-testbench, Google's own
 * emulator. Unlike fake-gcs-server, asking for the state of an upload does not end it.
 */
export class FakeStorage {
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<string, Upload>();
  /** The permissions that our account has. */
  readonly permissions = new Set([
    'storage.objects.create',
    'storage.objects.delete',
    'storage.objects.get',
    'storage.objects.list',
  ]);
  /** Bytes that arrived in parts, those of parts that were sent twice included. */
  received = 0;
  /** Most bytes that the bucket keeps of the next parts: it may keep fewer than it was sent. One entry a part. */
  readonly keeps: number[] = [];
  /** Flips a bit of the next upload's content. */
  corruptNext = false;
  private nextGeneration = 1_700_000_000_000_000;

  /** The bucket that we talk to. It may be another after a while: uploads stay in theirs. */
  constructor(public bucket: string) {}

  /** Puts an object of somebody into the bucket. */
  put(name: string, content: Buffer, metadata: Record<string, string>): FakeObject {
    const generation = String(this.nextGeneration++);
    const timeCreated = '2026-11-30T08:00:00.000Z';
    const object = { bucket: this.bucket, name, content, metadata, generation, timeCreated, digests: digest(content) };
    this.objects.set(name, object);
    return object;
  }

  /** Forgets all uploads, as Cloud Storage does after a week. */
  forgetUploads(): void {
    this.uploads.clear();
  }

  handle(call: ProviderCall): ProviderReply {
    const [, isUpload, bucket, rest = ''] = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/?(.*)$/.exec(call.path) ?? [];
    // The address of an upload is a credential of its own.
    if (isUpload !== undefined && call.query.has('upload_id')) return this.handleUpload(call);
    if (bucket !== this.bucket) return refusal(404, 'notFound', 'The specified bucket does not exist.');
    if (rest === 'iam/testPermissions') return this.testPermissions(call);
    if (isUpload !== undefined) return this.startUpload(call);
    if (rest === 'o') return this.list(call);
    return this.handleObject(call, decodeURIComponent(rest.replace(/^o\//, '')));
  }

  private testPermissions(call: ProviderCall): ProviderReply {
    const asked = call.query.getAll('permissions');
    const permissions = asked.filter((permission) => this.permissions.has(permission));
    return json({ kind: 'storage#testIamPermissionsResponse', ...(permissions.length === 0 ? {} : { permissions }) });
  }

  private list(call: ProviderCall): ProviderReply {
    const prefix = call.query.get('prefix') ?? '';
    const all = [...this.objects.values()].filter(({ name }) => name.startsWith(prefix));
    return this.require('storage.objects.list') ?? page(call, all.map(describe), PAGE);
  }

  private handleObject(call: ProviderCall, name: string): ProviderReply {
    const isRemoval = call.method === 'DELETE';
    const refused = this.require(isRemoval ? 'storage.objects.delete' : 'storage.objects.get');
    if (refused !== undefined) return refused;
    const object = this.objects.get(name);
    if (object === undefined) return refusal(404, 'notFound', `No such object: ${this.bucket}/${name}`);
    if (!isRemoval) return json(describe(object));
    if (call.query.get('ifGenerationMatch') !== object.generation) return preconditionFailed();
    this.objects.delete(name);
    return { status: 204 };
  }

  private startUpload(call: ProviderCall): ProviderReply {
    const refused = this.require('storage.objects.create');
    if (refused !== undefined) return refused;
    if (call.method !== 'POST' || call.query.get('uploadType') !== 'resumable')
      return refusal(400, 'invalid', 'this fake knows resumable uploads alone');
    const resource = readJson(call) as unknown as Upload['resource'];
    const unknown = unknownFields({ ...resource }, RESOURCE);
    if (unknown !== undefined) return unknown;
    if (resource.name !== call.query.get('name')) return refusal(400, 'invalid', 'the names do not agree');
    const onlyIfAbsent = call.query.get('ifGenerationMatch') === '0';
    if (onlyIfAbsent && this.objects.has(resource.name)) return preconditionFailed();
    const id = randomUUID();
    const size = Number(call.headers['x-upload-content-length']);
    this.uploads.set(id, { id, bucket: this.bucket, resource, size, content: Buffer.alloc(0), onlyIfAbsent });
    const location = `${call.origin}/upload/storage/v1/b/${this.bucket}/o?uploadType=resumable&upload_id=${id}`;
    return { status: 200, headers: { location, 'x-guploader-uploadid': id } };
  }

  private handleUpload(call: ProviderCall): ProviderReply {
    const upload = this.uploads.get(call.query.get('upload_id') ?? '');
    if (upload === undefined) return { status: 410, body: 'Gone' };
    if (call.method === 'DELETE' && upload.object === undefined) {
      this.uploads.delete(upload.id);
      return { status: 499 };
    }
    if (upload.object !== undefined) return json(describe(upload.object));
    const range = String(call.headers['content-range']);
    if (range === `bytes */${upload.size}`) {
      if (call.body.length > 0) return refusal(400, 'invalid', 'a question has no body');
      return upload.content.length === upload.size ? this.finish(upload) : state(upload);
    }
    return this.takePart(upload, range, call.body);
  }

  private takePart(upload: Upload, range: string, bytes: Buffer): ProviderReply {
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range)?.map(Number) ?? [];
    if (first === undefined || last === undefined || size !== upload.size || last - first + 1 !== bytes.length)
      return refusal(400, 'invalid', `Invalid Content-Range: ${range}`);
    this.received += bytes.length;
    const isLast = last + 1 === upload.size;
    if (!isLast && bytes.length % GRAIN !== 0)
      return refusal(400, 'badRequest', 'parts must have a multiple of 262144 bytes, except for the last');
    // A hole is refused; bytes that are there already are ignored.
    if (first > upload.content.length) return refusal(400, 'invalid', `bytes before ${first} are missing`);
    const fresh = bytes.subarray(upload.content.length - first);
    const kept = fresh.subarray(0, this.keeps.shift() ?? fresh.length);
    upload.content = Buffer.concat([upload.content, kept]);
    return upload.content.length === upload.size ? this.finish(upload) : state(upload);
  }

  private finish(upload: Upload): ProviderReply {
    const { resource } = upload;
    if (upload.onlyIfAbsent && this.objects.has(resource.name)) return preconditionFailed();
    if (this.corruptNext) {
      this.corruptNext = false;
      upload.content[0] = (upload.content[0] ?? 0) ^ 1;
    }
    const digests = digest(upload.content);
    if (resource.md5Hash !== undefined && resource.md5Hash !== digests.md5Hash)
      return refusal(400, 'invalid', `Provided MD5 hash "${resource.md5Hash}" doesn't match calculated MD5 hash.`);
    if (resource.crc32c !== undefined && resource.crc32c !== digests.crc32c)
      return refusal(400, 'invalid', `Provided CRC32C "${resource.crc32c}" doesn't match calculated CRC32C.`);
    upload.object = this.put(resource.name, upload.content, resource.metadata ?? {});
    if (upload.bucket !== this.bucket) {
      upload.object.bucket = upload.bucket;
      this.objects.delete(resource.name);
    }
    return json(describe(upload.object));
  }

  private require(permission: string): ProviderReply | undefined {
    if (this.permissions.has(permission)) return undefined;
    const message = `${ACCOUNT} does not have ${permission} access to the Google Cloud Storage object. Permission '${permission}' denied on resource (or it may not exist).`;
    return refusal(403, 'forbidden', message);
  }
}

function preconditionFailed(): ProviderReply {
  return refusal(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
}

/** Without the header `Range` nothing has arrived. */
function state({ content }: Upload): ProviderReply {
  return { status: 308, headers: content.length === 0 ? {} : { range: `bytes=0-${content.length - 1}` } };
}

function digest(content: Buffer): { crc32c: string; md5Hash: string } {
  return {
    crc32c: formatCrc32c(crc32c(content)),
    md5Hash: createHash('md5').update(content).digest('base64'),
  };
}

function describe({
  bucket,
  name,
  content,
  generation,
  metadata,
  timeCreated,
  digests,
}: FakeObject): Record<string, unknown> {
  return {
    kind: 'storage#object',
    bucket,
    name,
    generation,
    size: String(content.length),
    ...digests,
    metadata,
    timeCreated,
  };
}
