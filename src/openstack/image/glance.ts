import type { Readable } from 'node:stream';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { defined } from '../../domain/defined.js';
import { transportError } from '../../http/http-errors.js';
import type { Session } from '../auth/keystone-session.js';
import { countBytes, readExpectedDigest, verifyContent } from './transfer.js';
import { ServiceClient, type ServiceCall } from '../auth/service-client.js';
import type { CallOptions } from '../../http/call-options.js';
import type { CreateImage, Image, ImageChange, Images } from './types.js';

/**
 * Schema of an image. It also keeps the fields that are not listed here, because an image may have custom properties.
 */
const imageSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable().default(null),
    status: z.string(),
    size: z.number().nullable().default(null),
    checksum: z.string().nullable().default(null),
    os_hash_algo: z.string().nullish(),
    os_hash_value: z.string().nullish(),
    disk_format: z.string().nullable().default(null),
    container_format: z.string().nullable().default(null),
    visibility: z.string(),
    min_disk: z.number().default(0),
    min_ram: z.number().default(0),
    tags: z.array(z.string()).default([]),
    created_at: z.string(),
    owner: z.string().nullish(),
  })
  .catchall(z.unknown());

const imagePage = z.object({ images: z.array(imageSchema), next: z.string().optional() });

const modelOfImages = z.object({
  properties: z.object({ disk_format: z.object({ enum: z.array(z.string().nullable()).optional() }) }),
});

/**
 * Schema of the response that lists the import methods
 * (https://docs.openstack.org/api-ref/image/v2/#import-methods-and-values-discovery).
 */
const importInfo = z.object({ 'import-methods': z.object({ value: z.array(z.string()) }) });

const taskList = z.object({ tasks: z.array(z.object({ message: z.string().nullish(), created_at: z.string() })) });

/** Images per page. Glance's default is 25. */
const PAGE = '200';
const PATCH_TYPE = 'application/openstack-images-v2.1-json-patch';

function buildImagePath(id: string): string {
  return `/images/${encodeURIComponent(id)}`;
}

/** Client of Glance (https://docs.openstack.org/api-ref/image/v2/). */
export class Glance implements Images {
  private readonly service: ServiceClient;

  constructor(session: Session) {
    this.service = new ServiceClient(session, 'image', 'Glance', 'v2');
  }

  async listImages(
    query: { tags?: string[]; name?: string; properties?: Record<string, string> } = {},
    { signal }: CallOptions = {},
  ): Promise<Image[]> {
    const filter = { ...query.properties, ...defined({ name: query.name }) };
    const images = await this.service.list(
      { path: '/images', query: { ...filter, tag: query.tags, limit: PAGE }, signal },
      imagePage,
      (page) => ({ items: page.images, next: page.next }),
    );
    // Glance treats some values as operators ("in:…"), so we remove the images that do not match exactly.
    return images.filter((image) => Object.entries(filter).every(([name, value]) => String(image[name]) === value));
  }

  /** Reads the disk formats from the image schema (https://docs.openstack.org/api-ref/image/v2/#show-image-schema). */
  async listDiskFormats({ signal }: CallOptions = {}): Promise<string[]> {
    const schema = await this.service.requestJson({ method: 'GET', path: '/schemas/image', signal }, modelOfImages);
    return (schema.properties.disk_format.enum ?? []).filter((format) => format !== null);
  }

  async getImage(id: string, { signal }: CallOptions = {}): Promise<Image | undefined> {
    return this.service.find({ method: 'GET', path: buildImagePath(id), signal }, imageSchema);
  }

  /**
   * Creates an image without data.
   * @throws FactoryError Conflict when an image has this id, or a deleted image had it
   */
  async createImage({ properties, ...request }: CreateImage, { signal }: CallOptions = {}): Promise<Image> {
    const json = { ...properties, ...request };
    return this.service.requestJson({ method: 'POST', path: '/images', json, signal }, imageSchema);
  }

  async uploadImage(
    id: string,
    data: Readable,
    options: CallOptions & { size?: number; onProgress?: (bytes: number) => void } = {},
  ): Promise<void> {
    const { signal, size, onProgress } = options;
    // Without this listener, an error of the stream before its first read would end the process.
    data.on('error', () => undefined);
    try {
      // A stream can be sent only once, so we first make a call without a stream. This call renews the token if the
      // token is no longer valid.
      await this.requireImage(id, signal);
      if (data.errored !== null) throw data.errored;
      const call: ServiceCall = {
        method: 'PUT',
        path: `${buildImagePath(id)}/file`,
        headers: defined({ 'content-type': 'application/octet-stream', 'content-length': size?.toString() }),
        signal,
      };
      const body = onProgress === undefined ? data : countBytes(data, onProgress);
      await this.service.sendStream(call, body);
    } catch (error) {
      data.destroy();
      throw (await this.toUploadConflict(id, error, signal)) ?? error;
    }
  }

  /**
   * Converts the 410 of a slower upload to a Conflict; returns undefined for every other error. Glance accepts two
   * uploads that begin at the same time. At the end of the slower one, it answers 410 (gone), although the image is
   * complete.
   */
  private async toUploadConflict(
    id: string,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Error | undefined> {
    if (!(error instanceof FactoryError) || error.status !== 410) return undefined;
    const image = await this.getImage(id, { signal });
    if (image === undefined) return undefined;
    return new FactoryError('Conflict', `image ${id} is ${image.status}: another upload of its data ended first`, {
      status: error.status,
      requestId: error.requestId,
      cause: error,
    });
  }

  async listImportMethods({ signal }: CallOptions = {}): Promise<string[]> {
    const info = await this.service.find({ method: 'GET', path: '/info/import', signal }, importInfo);
    return info?.['import-methods'].value ?? [];
  }

  async importImage(id: string, uri: string, { signal }: CallOptions = {}): Promise<void> {
    const json = { method: { name: 'web-download', uri } };
    await this.service.send({ method: 'POST', path: `${buildImagePath(id)}/import`, json, signal });
  }

  async getImportMessage(id: string, { signal }: CallOptions = {}): Promise<string | undefined> {
    const found = await this.service.find({ method: 'GET', path: `${buildImagePath(id)}/tasks`, signal }, taskList);
    const [newest] = (found?.tasks ?? []).sort((one, other) => other.created_at.localeCompare(one.created_at));
    return newest?.message ?? undefined;
  }

  async downloadImage(id: string, { signal }: CallOptions = {}): Promise<{ data: Readable; size: number | null }> {
    const image = await this.requireImage(id, signal);
    const expected = { promised: readExpectedDigest(image), size: image.size };
    const { data } = await this.openData(image, expected, { signal });
    return { data, size: image.size };
  }

  async readImage(
    id: string,
    offset: number,
    { signal }: CallOptions = {},
  ): Promise<{ data: Readable; offset: number }> {
    const image = await this.requireImage(id, signal);
    const readFrom = async (start: number): Promise<{ data: Readable; offset: number }> => {
      const { data, status } = await this.openData(image, { promised: undefined, size: null }, { signal, start });
      return { data, offset: status === 206 ? start : 0 };
    };
    try {
      return await readFrom(offset);
    } catch (error) {
      // The store of the cloud has no access to parts of its files, or the image is shorter.
      if (offset === 0 || !(error instanceof FactoryError) || (error.status !== 416 && error.status !== 400))
        throw error;
      return readFrom(0);
    }
  }

  private async openData(
    { id, status }: Image,
    expected: Parameters<typeof verifyContent>[2],
    { signal, start = 0 }: { signal: AbortSignal | undefined; start?: number },
  ): Promise<{ data: Readable; status: number }> {
    const call: ServiceCall = {
      method: 'GET',
      path: `${buildImagePath(id)}/file`,
      headers: { accept: 'application/octet-stream', ...(start === 0 ? {} : { range: `bytes=${start}-` }) },
      signal,
    };
    return this.service.withToken(call, async (request) => {
      const answer = await this.service.http.download(request);
      if (answer.status === 204) {
        answer.data.resume();
        throw new FactoryError('ImageFailed', `image ${id} has no data: its status is ${status}`);
      }
      const toError = (error: unknown): Error =>
        signal?.aborted === true
          ? (signal.reason as Error)
          : transportError(this.service.http.toApiCall(request), error);
      return { data: verifyContent(answer.data, `image ${id}`, expected, toError), status: answer.status };
    });
  }

  async updateImage(id: string, changes: ImageChange[], { signal }: CallOptions = {}): Promise<Image> {
    const headers = { 'content-type': PATCH_TYPE };
    return this.service.requestJson(
      { method: 'PATCH', path: buildImagePath(id), json: changes, headers, signal },
      imageSchema,
    );
  }

  async addMember(id: string, projectId: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `${buildImagePath(id)}/members`;
    try {
      await this.service.send({ method: 'POST', path, json: { member: projectId }, signal });
    } catch (error) {
      // The project is a member already.
      if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    }
  }

  async deleteImage(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.service.remove(buildImagePath(id), signal);
  }

  private async requireImage(id: string, signal: AbortSignal | undefined): Promise<Image> {
    return this.service.requestJson({ method: 'GET', path: buildImagePath(id), signal }, imageSchema);
  }
}
