import { Readable } from 'node:stream';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { contentError } from '../../http/http-errors.js';
import type { HttpClient, HttpResponse } from '../../http/http.js';
import type { GoogleClient } from './google-client.js';
import { googleError } from './google-errors.js';

const storageObject = z.object({
  bucket: z.string(),
  name: z.string(),
  /** The version of the object, whose number no other version of it ever has. */
  generation: z.string(),
  /** bytes */
  size: z.string().regex(/^\d+$/).transform(Number),
  crc32c: z.string(),
  /** Cloud Storage computes it for every object of one upload. */
  md5Hash: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  timeCreated: z.string().optional(),
});

/** An object in a bucket. */
export type StorageObject = z.infer<typeof storageObject>;

/** What is known of an upload. */
export type UploadState =
  | { kind: 'incomplete'; offset: number }
  | { kind: 'complete'; object: StorageObject }
  /** An object of that name is there already: another attempt has completed its upload. */
  | { kind: 'taken' }
  /** Cloud Storage does not know the upload any more. It keeps one for a week. */
  | { kind: 'gone' };

/** A new object, and what Cloud Storage compares its bytes with before the object comes into being. */
export interface NewObject {
  name: string;
  size: number;
  crc32c: string;
  md5Hash: string;
  metadata: Record<string, string>;
}

const PRODUCT = 'Cloud Storage';

/** One bucket of Cloud Storage (https://cloud.google.com/storage/docs/json_api/v1). */
export class Bucket {
  constructor(
    private readonly client: GoogleClient,
    private readonly http: HttpClient,
    /** `https://storage.googleapis.com` */
    readonly endpoint: string,
    readonly name: string,
  ) {}

  private get url(): string {
    return `${this.endpoint}/storage/v1/b/${encodeURIComponent(this.name)}`;
  }

  private objectUrl(name: string): string {
    return `${this.url}/o/${encodeURIComponent(name)}`;
  }

  find(name: string, signal: AbortSignal): Promise<StorageObject | undefined> {
    return this.client.find({ method: 'GET', url: this.objectUrl(name), signal }, storageObject);
  }

  list(prefix: string, signal: AbortSignal): Promise<StorageObject[]> {
    const page = z.object({ items: z.array(storageObject).optional(), nextPageToken: z.string().optional() });
    return this.client.list({ method: 'GET', url: `${this.url}/o`, query: { prefix }, signal }, page);
  }

  /** Removes this version of an object. @returns false when it was not there any more */
  async remove({ name, generation }: StorageObject, signal: AbortSignal): Promise<boolean> {
    const query = { ifGenerationMatch: generation };
    const response = await this.client.send({ method: 'DELETE', url: this.objectUrl(name), query, signal }, [404, 412]);
    return response.status !== 404 && response.status !== 412;
  }

  /** Returns those of the permissions that our account has for the bucket. Undefined when there is no such bucket. */
  async testPermissions(permissions: readonly string[], signal: AbortSignal): Promise<string[] | undefined> {
    const answer = z.object({ permissions: z.array(z.string()).optional() });
    const url = `${this.url}/iam/testPermissions`;
    const found = await this.client.find({ method: 'GET', url, query: { permissions }, signal }, answer);
    return found === undefined ? undefined : (found.permissions ?? []);
  }

  /**
   * Starts an upload that can be continued. It makes an object only if none of that name exists
   * (https://cloud.google.com/storage/docs/performing-resumable-uploads).
   *
   * @returns the upload's address; undefined when an object of that name exists
   */
  async startUpload(object: NewObject, signal: AbortSignal): Promise<string | undefined> {
    const { size, ...resource } = object;
    const call = {
      method: 'POST' as const,
      url: `${this.endpoint}/upload/storage/v1/b/${encodeURIComponent(this.name)}/o`,
      query: { uploadType: 'resumable', name: object.name, ifGenerationMatch: '0' },
      headers: { 'x-upload-content-length': String(size), 'x-upload-content-type': 'application/gzip' },
      body: { ...resource, contentType: 'application/gzip' },
      signal,
    };
    const response = await this.client.send(call, [412]);
    if (response.status === 412) return undefined;
    const { location } = response.headers;
    if (typeof location === 'string' && this.isUpload(location)) return location;
    throw contentError({ service: PRODUCT, ...call }, 'it has no address of an upload at this endpoint');
  }

  /** Whether a text is the address of an upload at this endpoint: nothing is sent anywhere else. */
  isUpload(address: string): boolean {
    return URL.canParse(address) && new URL(address).origin === new URL(this.endpoint).origin;
  }

  /** Asks how much of an upload has arrived. */
  async askUpload(address: string, size: number, signal: AbortSignal): Promise<UploadState> {
    return this.putUpload(address, `bytes */${size}`, Buffer.alloc(0), signal);
  }

  /** Sends a part of an upload. Its length is a multiple of 256 KiB, unless it is the last. */
  async sendPart(
    address: string,
    part: { bytes: Buffer; offset: number; size: number },
    signal: AbortSignal,
  ): Promise<UploadState> {
    const { bytes, offset, size } = part;
    return this.putUpload(address, `bytes ${offset}-${offset + bytes.length - 1}/${size}`, bytes, signal);
  }

  /** Gives an upload up. */
  async cancelUpload(address: string, signal: AbortSignal): Promise<boolean> {
    // The answer to success is 499, the word of some web servers for a request that its client has closed.
    const request = { product: PRODUCT, method: 'DELETE' as const, url: address, signal };
    const response = await this.http.send({ ...request, headers: { 'content-length': '0' } }, [404, 410, 499]);
    return response.status === 499;
  }

  /** The address of an upload is its own credential, so we send no token. */
  private async putUpload(address: string, range: string, bytes: Buffer, signal: AbortSignal): Promise<UploadState> {
    const request = {
      product: PRODUCT,
      method: 'PUT' as const,
      url: address,
      headers: { 'content-range': range, 'content-length': String(bytes.length) },
      body: Readable.from(bytes.length === 0 ? [] : [bytes]),
      signal,
    };
    const response = await this.http.upload(request, [308, 400, 403, 404, 409, 410, 412]);
    return this.readState(request, response);
  }

  private readState(request: { product: string; method: 'PUT'; url: string }, response: HttpResponse): UploadState {
    const call = this.http.toApiCall(request);
    switch (response.status) {
      case 200:
      case 201:
        return { kind: 'complete', object: this.readUploaded(request, response) };
      case 308:
        return { kind: 'incomplete', offset: readOffset(response.headers['range']) };
      case 404:
      case 410:
        return { kind: 'gone' };
      case 412:
        return { kind: 'taken' };
      default:
        throw googleError(call, response);
    }
  }

  /** Reads the object that an upload has made. Its address alone decides in which bucket that is. */
  private readUploaded({ url }: { url: string }, response: HttpResponse): StorageObject {
    const object = this.client.read({ method: 'GET', url }, response, storageObject);
    if (object.bucket === this.name) return object;
    throw new FactoryError(
      'Conflict',
      `Cloud Storage has put object ${object.name} into bucket ${object.bucket} instead of ${this.name}`,
      { hint: 'remove it there; the next attempt uploads the file again' },
    );
  }
}

/** Reads `Range: bytes=0-262143`. Without that header nothing has arrived. */
function readOffset(range: string | string[] | undefined): number {
  const [, last] = /^bytes=0-(\d+)$/.exec(typeof range === 'string' ? range : '') ?? [];
  return last === undefined ? 0 : Number(last) + 1;
}
